#!/bin/bash
# Who may include whom: the table of docs/architecture.md as data.
#
# The first row whose left side matches a file is the file's.  Its right side
# lists what the file may include, first match decides: a pattern of paths
# from the top, <pattern> for a library's headers, ! in front to forbid.
# Headers of the C library and of POSIX are allowed here; what the core may
# use of them is tests/lint/core_pure.sh's subject.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

table()
{
	sed 's/#.*//' <<-'END'
	controller/core/*    controller/core/*
	controller/config/*  controller/config/* controller/core/* <libconfig.h>
	controller/io/*      controller/io/* controller/core/instant.h controller/core/err.h controller/core/row.h <ev.h> <curl/*> <openssl/*> <sodium.h> <libpq-fe.h> <mysql*> <mariadb/*> <hiredis/*> <nftables/*>

	# Adapters: plain files are pure, *_io files carry them.
	checks/*_io.[ch]     checks/* controller/core/* controller/io/* <ev.h> <curl/*> <openssl/*>
	checks/*             !checks/*_io.h checks/* controller/core/*
	haproxy/*_io.[ch]    haproxy/* controller/core/* controller/io/* <ev.h>
	haproxy/*            !haproxy/*_io.h haproxy/* controller/core/*
	databases/*_io.[ch]  databases/* controller/core/* controller/io/* <ev.h>
	databases/*          !databases/*_io.h !checks/*_io.h databases/* checks/* controller/core/*
	notify/*_io.[ch]     notify/* controller/core/* controller/io/* <ev.h> <curl/*>
	notify/*             !notify/*_io.h notify/* controller/core/*
	vip/*_io.[ch]        vip/* controller/core/* controller/io/* <ev.h> <libmnl/*>
	vip/*                !vip/*_io.h vip/* controller/core/*

	# Programs that run.
	controller/daemon/*  controller/* checks/* databases/* haproxy/* notify/* vip/* <*>
	drill/live/*         drill/live/* drill/+([!/]).h controller/core/* controller/config/* controller/io/* checks/* databases/* haproxy/* notify/* report/* drill/load/trace.h <*>
	drill/replica/*      drill/replica/* drill/+([!/]).h controller/core/* controller/config/* controller/io/* checks/* databases/* haproxy/* notify/* <*>
	drill/load/*         drill/load/* drill/+([!/]).h controller/core/* controller/config/* controller/io/* checks/* databases/* haproxy/* notify/* <*>

	# The simulated world: nothing that touches the real one.
	drill/*              !checks/*_io.h !databases/*_io.h !haproxy/*_io.h !notify/*_io.h drill/sim/* drill/+([!/]).h controller/core/* controller/config/* checks/* databases/* haproxy/* notify/*

	report/*             report/* controller/core/* <jansson.h>
	cli/*                cli/* controller/core/* controller/config/* controller/io/* checks/* databases/* haproxy/* notify/* report/* drill/* <curl/*> <jansson.h> <sodium.h>
	docs/*               controller/core/* controller/config/*
	tests/*              * <*>
	END
}

# Headers of libraries: whoever includes one needs leave from the table.
libraries='ev.h|curl/*|libconfig.h|microhttpd.h|sqlite3.h|jansson.h'
libraries+='|systemd/*|openssl/*|sodium.h|libpq-fe.h|mysql*|mariadb/*'
libraries+='|hiredis/*|libmnl/*|nftables/*|cmocka.h'

declare -a rows=()

# Print the right side of the row for file $1.
allowed_for()
{
	local row pattern

	for row in "${rows[@]}"; do
		pattern=${row%%[[:space:]]*}
		# shellcheck disable=SC2053 # a pattern is wanted
		if [[ $1 == $pattern ]]; then
			echo "${row#"$pattern"}"
			return
		fi
	done
}

# Does one of the patterns $2... allow $1?
is_allowed()
{
	local what=$1 pattern

	shift
	for pattern in "$@"; do
		# shellcheck disable=SC2053
		[[ $pattern == !* && $what == ${pattern#!} ]] && return 1
		# shellcheck disable=SC2053
		[[ $what == $pattern ]] && return 0
	done
	return 1
}

is_library()
{
	local pattern

	IFS='|' read -ra known <<<"$libraries"
	for pattern in "${known[@]}"; do
		# shellcheck disable=SC2053
		[[ $1 == $pattern ]] && return 0
	done
	return 1
}

# Print FILE:LINE:INCLUDE for each include that matters, as "x" or <lib>.
includes()
{
	lint_files '*.c' '*.h' | (cd "$top_srcdir" && xargs -r grep -HnoE \
		'^[[:space:]]*#[[:space:]]*include[[:space:]]*["<][^">]*[">]') |
		sed -E 's/#[[:space:]]*include[[:space:]]*//; s/"//g; s/:[[:space:]]+/:/'
}

check_includes()
{
	local file line what last='' allowed=''
	local -a patterns=()

	while IFS=: read -r file line what; do
		if [ "$file" != "$last" ]; then
			last=$file
			allowed=$(allowed_for "$file")
			read -ra patterns <<<"$allowed"
			[ -n "$allowed" ] ||
				echo "$file: no row of the table covers it"
		fi
		[ -n "$allowed" ] || continue
		if [[ $what == '<'* ]]; then
			what=${what#<}
			what=${what%>}
			is_library "$what" || continue
			what="<$what>"
		fi
		is_allowed "$what" "${patterns[@]}" ||
			echo "$file:$line: may not include $what"
	done
}

mapfile -t rows < <(table | sed '/^[[:space:]]*$/d')
includes | check_includes | lint_case "every include is one its layer may use"
lint_done
