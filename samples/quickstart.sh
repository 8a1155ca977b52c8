#!/usr/bin/env bash
# From nothing to a served model in a few minutes: makes an e-commerce log, trains MMoE on clicks and purchases,
# evaluates it, exports it and predicts with the export.
#
#   bash samples/quickstart.sh [FOLDER]      all it makes goes to FOLDER, by default quickstart/ here
set -euo pipefail
folder="$(mkdir -p "${1:-quickstart}" && cd "${1:-quickstart}" && pwd)"
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source samples/environment.sh
echo "== Installing (the first time takes a few minutes) =="
tfmtl_environment

started=$SECONDS
root="$PWD"
cd "$folder"
model=experiments/mmoe_on_ecommerce
rm -rf "$model"

echo "== 1. An e-commerce log =="
python "$root/samples/make_ecommerce_log.py" --rows 300000 --output data/ecommerce

echo "== 2. Training =="
python -m tfmtl.train --pipeline_config_path "$root/samples/mmoe_on_ecommerce.config"

echo "== 3. Evaluation of the latest checkpoint =="
python -m tfmtl.evaluate --pipeline_config_path "$model/pipeline.config"

echo "== 4. Export =="
python -m tfmtl.export --pipeline_config_path "$model/pipeline.config" --export_dir "$model/served"

echo "== 5. Predictions of the export =="
python -m tfmtl.predict --saved_model_dir "$model/served" \
  --input_path data/ecommerce/eval.csv --output_path predictions.csv \
  --reserved_cols user_id,item_id,click,buy --output_cols probs_ctr,probs_cvr
head -6 predictions.csv

echo
echo "Metrics of every task: $folder/$model/eval_result.json"
cat "$model/eval_result.json"
echo
echo "Export: $(ls -d "$folder/$model"/served/*)"
echo "Done in $((SECONDS - started)) s after the installation."
