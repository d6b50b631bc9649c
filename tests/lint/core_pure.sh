#!/bin/bash
# The core decides and does nothing else: libcore.a may want from the C
# library only what computes.  No clock, file, socket, environment or random
# number, and memory only in a function whose name ends in _new or _free.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

archive=$top_builddir/libcore.a

# What computes.  qsort is not among them: its order of equals is open.
computes='
mem(cpy|move|set|cmp|chr|rchr|mem)  bcmp  memccpy  explicit_bzero
str(len|nlen|cmp|ncmp|casecmp|ncasecmp|chr|rchr|str|spn|cspn|pbrk)
strchrnul  rawmemchr  strcasestr  stpcpy  stpncpy  strcpy  strncpy  strcat
strncat  v?sn?printf  v?sscanf  strto(l|ul|ll|ull|imax|umax|d)  atoi
bsearch  l?l?abs  reg(comp|exec|error|free)  inet_(pton|ntop)  [hn]to[hn][ls]
isalpha  isdigit  isspace  tolower  toupper  __ctype_(b|tolower|toupper)_loc
__errno_location  __assert_fail  abort  __stack_chk_fail
__isoc(99|23)_(v?sscanf|strto.*)  __(mem|st[rp])[a-z]*_chk  __v?sn?printf_chk
__u?(div|mod|divmod|mul)[a-z]*[0-9]  _GLOBAL_OFFSET_TABLE_
'

# The runtimes of sanitizers and of coverage are not the core's doing.
runtimes='__(asan|ubsan|lsan|sanitizer|sancov|gcov|llvm)_.*
__start___sancov.*  __stop___sancov.*'

# Memory is looked at function by function, below.
memory='malloc  calloc  realloc  reallocarray  free  strdup  strndup'

# A list of words as one extended regular expression.
any_of()
{
	tr -s '[:space:]' '|' <<<"$*" | sed 's/^|*/^(/; s/|*$/)$/'
}

# Print "OBJECT SYMBOL" for what the archive wants and has not itself.
wanted()
{
	nm -A "$archive" | sed 's/^[^:]*://' | awk '
		{ sub(/:$/, "", $1); sub(/:.*/, "", $1) }
		$(NF - 1) == "U" { want[$1 " " $NF] }
		$(NF - 1) ~ /^[A-TV-Z]$/ { have[$NF] }
		END {
			for (pair in want) {
				split(pair, word, " ")
				if (!(word[2] in have))
					print pair
			}
		}' | sort
}

# Print "FUNCTION SYMBOL" for each call of a function that is about memory.
memory_calls()
{
	objdump -dr --no-show-raw-insn "$archive" | awk '
		/^[0-9a-f]+ <.*>:$/ {
			name = $2
			gsub(/[<>:]/, "", name)
		}
		/R_[A-Z0-9_]+/ {
			sub(/[-+]0x[0-9a-f]+$/, "", $NF)
			print name, $NF
		}' | grep -E " (${memory//  /|})\$" | sort -u || true
}

wanted | awk -v fine="$(any_of "$computes" "$runtimes" "$memory")" \
	'$2 !~ fine { print $1 " wants " $2 }' |
	lint_case "libcore.a wants only what computes"

memory_calls | awk '$1 !~ /_(new|free)(\.|$)/ { print $1 " calls " $2 }' |
	lint_case "memory is taken and given back in _new and _free only"

lint_done
