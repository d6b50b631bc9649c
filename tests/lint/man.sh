#!/bin/bash
# The manual pages are right mdoc, and print without a warning.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# Pages of the source tree and those that the build printed.
pages()
{
	(cd "$top_srcdir" && ls docs/*.[1-8] 2>/dev/null) || true
	(cd "$top_builddir" && ls docs/*.[1-8] 2>/dev/null) || true
}

page_path()
{
	if [ -e "$top_builddir/$1" ]; then
		echo "$top_builddir/$1"
	else
		echo "$top_srcdir/$1"
	fi
}

# Pages of other packages, and ours before make install, are not found.
lint_page()
{
	mandoc -Tlint "$1" 2>&1 |
		grep -v -e 'referenced manual not found' -e 'mandoc.db' || true
}

pages | sort -u | while read -r page; do
	lint_page "$(page_path "$page")" | lint_case "$page is right mdoc"
done
lint_done
