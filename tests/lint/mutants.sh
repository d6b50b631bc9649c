#!/bin/bash
# Each mutant's text is in its file, once: what nobody can plant, nobody finds.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

mutants=$(realpath "$(dirname "$0")/../mutants/mutants.py")
{ top_srcdir=$top_srcdir /usr/bin/python3 "$mutants" --check 2>&1 || true; } |
	lint_case "every mutant can be planted"
lint_done
