"""HTTP as the faces share it: operations, who may call them, requests and responses."""
