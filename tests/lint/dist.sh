#!/bin/bash
# make dist leaves out nothing that is in git: $distfiles is what Makefile.am
# names, folders included.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$top_srcdir"

# automake adds the last two by itself.
{ [ ! -e .git ] || git ls-files -- . ':!.gitignore' ':!*.am' ':!*.ac'; } |
	awk -v names="${distfiles:?}" '
		BEGIN {
			split(names, list)
			for (i in list)
				named[list[i]]
		}
		{
			path = ""
			count = split($0, part, "/")
			for (i = 1; i <= count; i++) {
				path = path (i > 1 ? "/" : "") part[i]
				if (path in named)
					next
			}
			print
		}' | lint_case "every file in git is in the distribution"
lint_done
