"""Not a part of `make service`: these need node, and `npm ci` in this directory (`make test-mcp` does both)."""
import os

collect_ignore_glob = [] if os.environ.get("CODE_RUNNER_NODE") else ["test_*.py"]
