#!/bin/bash
# What every file of the tree keeps to, whatever its subject.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$top_srcdir"
c_files=('*.c' '*.h')
text_files=("${c_files[@]}" '*.sh' '*.py' '*.am' '*.ac' '*.md' '*.in' '*.conf'
	'*.cfg' '*.service' '*.scn' bootstrap 'build-aux/bascule-*' '.ci/run')

# Print FILE:LINE:TEXT for each line that matches the extended regular
# expression $1 in the files $2...
lines_with()
{
	local what=$1

	shift
	lint_files "$@" | xargs -r grep -nHE -e "$what" || [ $? = 123 ]
}

longer_than()
{
	local limit=$1

	shift
	lint_files "$@" | xargs -r wc -l |
		awk -v limit="$limit" '$2 != "total" && $1 > limit {
			print $2 ": " $1 " lines"
		}'
}

# A header is guarded by the name that its path gives, or by its tail.
unguarded()
{
	local header name guard

	lint_files '*.h' | while read -r header; do
		name=$(basename "$header" .h | tr 'a-z-' 'A-Z_')_H
		guard=$(sed -n 's/^#ifndef //p' "$header" | head -n 1)
		[[ $guard == BASCULE_*"$name" ]] &&
			grep -q "^#define $guard\$" "$header" ||
			echo "$header: not guarded by BASCULE_..._$name"
	done
}

guarded_twice()
{
	lint_files '*.h' | xargs -r grep -h '^#ifndef BASCULE_' | sort | uniq -d
}

not_ending_in_newline()
{
	local file

	lint_files "${text_files[@]}" | while read -r file; do
		[ -z "$(tail -c 1 "$file")" ] || echo "$file"
	done
}

built_programs()
{
	[ ! -e .git ] || git ls-files -co --exclude-standard |
		xargs -r grep -slaE $'^\x7fELF' || [ $? = 123 ]
}

built_programs | lint_case "git has no program that was built"
longer_than 600 "${c_files[@]}" '*.py' '*.sh' |
	lint_case "no file is longer than 600 lines"
{ unguarded && guarded_twice; } | lint_case "every header has its own guard"
lines_with '[[:space:]]$' "${text_files[@]}" |
	lint_case "no line ends in white space"
not_ending_in_newline | lint_case "every file ends in a newline"
lines_with $'[^\t -~]' "${c_files[@]}" '*.sh' '*.py' |
	lint_case "sources are ASCII"
lines_with '(^|[[:space:];{}])//' "${c_files[@]}" |
	lint_case "comments are /* */"
lines_with 'typedef +(struct|union|enum)' "${c_files[@]}" |
	lint_case "a struct goes by its own name"
lines_with '(^|[^a-z])/([w]ork|[f]arm)/|/tmp/([s]tudio|[b]ash_jobs)' \
	"${text_files[@]}" | lint_case "no path of somebody's machine"
lines_with '\b(T[O]DO|FIX[M]E|X[X]X)\b' "${text_files[@]}" |
	lint_case "nothing is put off in a comment"
lines_with '(pytest\.)[s]kip|mark\.[s]kip|[x]fail|[^a-z_][s]kip\(\)' \
	'tests/*.c' 'tests/*.py' | lint_case "no test can be left out"
lines_with '\b(u?sleep|nanosleep|clock_gettime|gettimeofday|time)\(' \
	'tests/unit/*.c' 'tests/scenarios/*.c' |
	lint_case "unit tests have no real clock"
# A machine stands still for a while: a test that bounds a time gives seconds.
few='([0-9]|1[0-9])([.][0-9]+)?'
lines_with "wait_for\\(.*, $few\\)\$|seconds=${few}[,)]|[.]ms < [0-9]{1,3}\$" \
	'tests/e2e/test_*.py' |
	lint_case "no end-to-end test is in a hurry"
lines_with "assert .*(monotonic|took|span|gap).* < $few( |,|\$)" \
	'tests/e2e/test_*.py' | lint_case "no end-to-end test takes the time"
lint_done
