# gcovr's CSV (file, lines, lines run, ...) as one line for each folder.

function line(folder)
{
	return sprintf("%-24s %6d lines %6.1f %%", folder, lines[folder],
		       100 * run[folder] / lines[folder])
}

NR > 1 && $2 > 0 {
	folder = $1
	sub(/\/[^\/]*$/, "", folder)
	lines[folder] += $2
	run[folder] += $3
	all_lines += $2
	all_run += $3
}

END {
	for (folder in lines)
		print line(folder) | "sort"
	close("sort")
	lines["all"] = all_lines
	run["all"] = all_run
	print line("all")
}
