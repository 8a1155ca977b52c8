// Replays a warm-up file through `LoadSavedModel`, as TensorFlow Serving does when it loads a model.
//
//     replay MODEL DESCRIPTORS RECORDS
//
// DESCRIPTORS is a FileDescriptorSet with tfmtl.PredictionLog. Prints the signature and the number of
// outputs of each record; a record that fails ends it with its error and exit code 1.

#include <iostream>
#include <memory>
#include <string>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor.pb.h"
#include "tensorflow/core/lib/io/record_reader.h"
#include "tensorflow/core/platform/env.h"
#include "tensorflow/core/protobuf/meta_graph.pb.h"

namespace proto = google::protobuf;

namespace {

void Check(const absl::Status& status) {
  if (!status.ok()) {
    std::cerr << status.message() << std::endl;
    std::exit(1);
  }
}

const proto::Message& Child(const proto::Message& message, const std::string& field) {
  return message.GetReflection()->GetMessage(message, message.GetDescriptor()->FindFieldByName(field));
}

std::string Text(const proto::Message& message, const std::string& field) {
  return message.GetReflection()->GetString(message, message.GetDescriptor()->FindFieldByName(field));
}

tensorflow::Tensor TensorOf(const std::string& bytes) {
  tensorflow::TensorProto told;
  tensorflow::Tensor tensor;
  if (!told.ParseFromString(bytes) || !tensor.FromProto(told)) {
    std::cerr << "not a tensor" << std::endl;
    std::exit(1);
  }
  return tensor;
}

}  // namespace

int main(int, char** argv) {
  tensorflow::Env* env = tensorflow::Env::Default();
  std::string bytes;
  Check(tensorflow::ReadFileToString(env, argv[2], &bytes));
  proto::FileDescriptorSet files;
  files.ParseFromString(bytes);
  proto::DescriptorPool pool;
  for (const auto& file : files.file()) pool.BuildFile(file);
  proto::DynamicMessageFactory factory;
  const auto* type = pool.FindMessageTypeByName("tfmtl.PredictionLog");

  tensorflow::SavedModelBundle bundle;
  Check(tensorflow::LoadSavedModel({}, {}, argv[1], {"serve"}, &bundle));

  std::unique_ptr<tensorflow::RandomAccessFile> file;
  Check(env->NewRandomAccessFile(argv[3], &file));
  tensorflow::io::SequentialRecordReader reader(file.get());
  tensorflow::tstring record;
  while (reader.ReadRecord(&record).ok()) {
    std::unique_ptr<proto::Message> log(factory.GetPrototype(type)->New());
    log->ParseFromString(std::string(record));
    const auto& request = Child(Child(*log, "predict_log"), "request");
    const std::string name = Text(Child(request, "model_spec"), "signature_name");
    const auto& signature = bundle.GetSignatures().at(name);

    std::vector<std::pair<std::string, tensorflow::Tensor>> inputs;
    const auto* field = request.GetDescriptor()->FindFieldByName("inputs");
    for (int i = 0; i < request.GetReflection()->FieldSize(request, field); ++i) {
      const auto& entry = request.GetReflection()->GetRepeatedMessage(request, field, i);
      inputs.push_back({signature.inputs().at(Text(entry, "key")).name(),
                        TensorOf(Text(entry, "value"))});
    }
    std::vector<std::string> fetches;
    for (const auto& output : signature.outputs()) fetches.push_back(output.second.name());
    std::vector<tensorflow::Tensor> outputs;
    Check(bundle.session->Run(inputs, fetches, {}, &outputs));
    std::cout << name << " " << outputs.size() << std::endl;
  }
  return 0;
}
