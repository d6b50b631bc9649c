#!/bin/bash
# Each lint finds the faults that are planted for it in a copy of the tree.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
lints=$(realpath "$(dirname "$0")")
built=$(realpath "$top_builddir")
build_aux=$(realpath "$top_srcdir/build-aux")

# Empty the copy: a header and a source that no lint complains about.
plant()
{
	rm -rf "${copy:?}"/*
	mkdir -p "$copy/controller/core" "$copy/controller/io" \
		"$copy/haproxy" "$copy/tests/unit"
	cat >"$copy/controller/core/a.h" <<'END'
/* A header. */
#ifndef BASCULE_CORE_A_H
#define BASCULE_CORE_A_H

int a_get(void);

#endif
END
	cat >"$copy/controller/core/a.c" <<'END'
#include "controller/core/a.h"

int a_get(void)
{
	return 1;
}
END
	cp "$built/libcore.a" "$top_srcdir/.clang-format" "$copy"
}

# Compile what comes in into the copy's libcore.a.
plant_object()
{
	cat >"$copy/fault.c"
	"${CC:-cc}" -O1 -c "$copy/fault.c" -o "$copy/fault.o"
	ar r "$copy/libcore.a" "$copy/fault.o" 2>/dev/null
}

# Run lint $1 on the copy and print what it finds.
run()
{
	top_srcdir=$copy top_builddir=$copy bash "$lints/$1.sh" 2>&1
}

# The fault $3 is in the copy: lint $1 must fail, with the words $2.
finds()
{
	{
		if run "$1" >"$copy/out"; then
			echo "$1 passes"
		fi
		grep -qe "$2" "$copy/out" || cat "$copy/out"
	} | lint_case "$1 finds $3"
}

plant
for lint in layers core_pure tree format shell; do
	{ run $lint || true; } | { grep '^not ok' || true; } |
		lint_case "$lint passes a tree without a fault"
done

plant
echo '#include "controller/io/loop.h"' >>"$copy/controller/core/a.c"
finds layers 'core/a.c:7: may not include' "the core reaching into io"

plant
echo '#include "haproxy/runtime_io.h"' >"$copy/haproxy/runtime.c"
finds layers 'may not include haproxy/runtime_io.h' \
	"a plain file including an _io file"

plant
echo '#include "controller/core/health.h"' >"$copy/controller/io/loop.c"
finds layers 'may not include controller/core/health.h' \
	"the plumbing knowing of health"

plant
echo '#  include <sqlite3.h>' >"$copy/controller/io/loop.c"
finds layers 'may not include <sqlite3.h>' "a library in the wrong layer"

plant
mkdir "$copy/misc" && touch "$copy/misc/a.c" &&
	echo '#include "a.h"' >"$copy/misc/a.c"
finds layers 'misc/a.c: no row' "a folder that the table does not know"

plant
plant_object <<'END'
#include <time.h>
long fault(void);
long fault(void) { return (long)time(0); }
END
finds core_pure 'fault.o wants time' "a clock in the core"

plant
plant_object <<'END'
#include <stdlib.h>
char *fault(void);
char *fault(void) { return getenv("HOME"); }
END
finds core_pure 'fault.o wants getenv' "the environment in the core"

plant
plant_object <<'END'
#include <stdlib.h>
void *fault_step(void);
void *fault_step(void) { return malloc(8); }
END
finds core_pure 'fault_step calls malloc' "memory taken after the start"

plant
plant_object <<'END'
#include <stdlib.h>
void *fault_new(void);
void *fault_new(void) { return malloc(8); }
END
{ run core_pure || true; } | { grep '^not ok' || true; } |
	lint_case "core_pure lets _new take memory"

plant
yes 'int x;' | head -n 601 >"$copy/controller/core/a.c" || true
finds tree 'a.c: 601 lines' "a file of 601 lines"

plant
sed -i 's/CORE_A_H/CORE_B_H/' "$copy/controller/core/a.h"
finds tree 'a.h: not guarded' "a guard that is another's"

plant
printf 'int x; \n' >>"$copy/controller/core/a.c"
finds tree 'a.c:7:int x; ' "white space at the end of a line"

plant
printf 'int x;' >>"$copy/controller/core/a.c"
finds tree 'core/a.c' "a last line without its newline"

plant
printf '/* T%s later */\n' 'ODO:' >>"$copy/controller/core/a.c"
finds tree 'a.c:7' "something put off"

plant
printf '/* see /%s/wt */\n' work >>"$copy/controller/core/a.c"
finds tree 'a.c:7' "a path of somebody's machine"

plant
printf 'def test_a():\n    pytest.%s("no")\n' skip >"$copy/tests/test_a.py"
finds tree 'test_a.py:2' "a test that can be left out"

plant
echo 'void f(void) { usleep(1); }' >"$copy/tests/unit/test_a.c"
finds tree 'test_a.c:1' "a unit test that sleeps"

plant
mkdir -p "$copy/tests/e2e"
echo '    wait_for(answers, 5)' >"$copy/tests/e2e/test_a.py"
finds tree 'test_a.py:1' "a test that waits for a moment"

plant
mkdir -p "$copy/tests/e2e"
echo '    assert 0.2 < took < 0.8' >"$copy/tests/e2e/test_a.py"
finds tree 'test_a.py:1' "a test that bounds a time"

plant
echo 'int x=1;' >>"$copy/controller/core/a.c"
finds format 'a.c:7' "a line that clang-format would change"

plant
# shellcheck disable=SC2016 # as it stands
printf '#!/bin/sh\necho $1\n' >"$copy/tests/a.sh"
finds shell 'a.sh:2' "a shell script with a fault"

plant
echo 'int f(unsigned u) { return u; }' >>"$copy/controller/core/a.c"
cflags='-Wconversion' finds warnings 'a.c:7.*warning' \
	"what the other compiler warns of"

if [ -n "${programs:-}" ]; then
	plant
	echo 'int main(void) { return 0; }' >"$copy/fault.c"
	"${CC:-cc}" -no-pie -Wl,-z,lazy -o "$copy/soft" "$copy/fault.c"
	programs=soft finds hardened '# soft' "a program without its flags"
fi

plant
mkdir "$copy/tests/mutants"
echo '[{"name": "n", "file": "a.c", "old": "return 2", "new": "return 1"}]' \
	>"$copy/tests/mutants/mutants.json"
finds mutants 'a.c: n: its text is there 0 times' \
	"a mutant whose text is gone"

plant
git -C "$copy" init -q
git -C "$copy" add controller
distfiles='README.md controller/core/a.c' \
	finds dist '^# controller/core/a.h' "a file that make dist leaves out"
rm -rf "$copy/.git"

# The runner: each line is a test, what it prints, its exit status, and the
# counts that these must come to.
while IFS='|' read -r name prints status want; do
	plant
	printf 'printf "%s"\nexit %s\n' "$prints" "$status" >"$copy/t.sh"
	{
		top_srcdir=$copy top_builddir=$copy "$build_aux/bascule-tests" \
			counts t.sh >/dev/null 2>&1
		"$build_aux/bascule-tally" "$copy/counts" || true
	} | { grep -vFx "$want" || true; } | lint_case "the runner counts $name"
done <<'END'
a test that passes|ok 1 - a\n1..1\n|0|1 passed, 0 failed, 0 skipped
a test that fails|ok 1 - a\nnot ok 2 - b\n1..2\n|1|1 passed, 1 failed, 0 skipped
a test left out|ok 1 - a # SKIP no\n1..1\n|0|0 passed, 0 failed, 1 skipped
a crash at the end|ok 1 - a\n1..1\n|139|1 passed, 1 failed, 0 skipped
a crash in the middle|1..2\nok 1 - a\n|139|1 passed, 1 failed, 0 skipped
a test that says nothing||0|0 passed, 1 failed, 0 skipped
END

plant
echo '1 0 1 t' >"$copy/counts"
{ ! "$build_aux/bascule-tally" "$copy/counts" >/dev/null || echo "status 0"; } |
	lint_case "a test left out fails the sum"
{ ! "$build_aux/bascule-tally" "$copy/none" >/dev/null || echo "status 0"; } |
	lint_case "results that never came fail the sum"

# What failed among many is run again: the failure's text, how the second run
# ends, and the sum.  The results have one test that passed.
while IFS='|' read -r name text times second want; do
	plant
	{
		echo '<testsuite errors="0" failures="'"$times"'" tests="9">'
		for i in $(seq "$times"); do
			echo '<testcase classname="test_a" name="t'"$i"'">' \
				"<failure message=\"$text\"/></testcase>"
		done
		echo '</testsuite>'
	} >"$copy/r.xml"
	"$build_aux/bascule-again" "$copy/r.xml" "$copy/again" \
		"$second" "$copy/." >/dev/null
	touch "$copy/again"
	{
		# shellcheck disable=SC2046
		"$build_aux/bascule-tally" "$copy/r.xml" \
			$(find "$copy/again" -size +0) || true
	} | { grep -vFx "$want" || true; } |
		{ grep -v '^UNSTEADY, .*again alone: ' || true; } |
		lint_case "the second run: $name"
done <<'END'
none failed|x|0|false|9 passed, 0 failed, 0 skipped
it passes|x|2|true|9 passed, 0 failed, 0 skipped
it fails again|x|2|false|7 passed, 2 failed, 0 skipped
too many failed|x|3|true|6 passed, 3 failed, 0 skipped
what must never be|world.Unsafe: two|1|true|8 passed, 1 failed, 0 skipped
END
lint_done
