"""The config of a pipeline: loading, overriding, checking, saving, and what it says."""

from tfmtl.config.views import architecture, feature_name, features, group_features, towers

__all__ = ["architecture", "feature_name", "features", "group_features", "towers"]
