#!/bin/bash
# The flags that configure prints are in the programs that were built: a
# target with LDFLAGS or CFLAGS of its own loses them without a word.
#
# $programs is what was built; $instrumented says if with a sanitizer or for
# coverage, which takes the place of _FORTIFY_SOURCE.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

instrumented=${instrumented:-}
read -ra built <<<"${programs:?}"
cd "$top_builddir"

# Print those of the programs of which readelf's output $1 lacks /$2/.
lacking()
{
	local program

	for program in "${built[@]}"; do
		grep -Eq "$2" < <(readelf "$1" "$program") || echo "$program"
	done
}

lacking -hW 'Type: +DYN' | lint_case "every program is position independent"
lacking -lW GNU_RELRO | lint_case "relocations are read-only after the start"
lacking -dW 'FLAGS.*NOW' | lint_case "every symbol is bound at the start"
lacking -lW 'GNU_STACK.* RW ' | lint_case "no stack is executable"
lacking -sW __stack_chk_fail | lint_case "stacks carry a guard"
case $instrumented in
*address*)
	lacking -sW __asan_init | lint_case "the sanitizer is linked in"
	;;
*coverage*)
	lacking -sW 'gcov|llvm_profile' | lint_case "coverage is linked in"
	;;
*)
	lacking -sW '_chk@' | lint_case "calls of the C library are fortified"
	;;
esac
lint_done
