/* What the metrics say of this daemon and its process. */
#include "controller/daemon/metrics_sample.h"
#include "controller/daemon/store.h"

void metrics_build_info(const struct metrics_row *row)
{
	sample_begin(row, "", ONCE, "version", PACKAGE_VERSION);
	sample_end(row, 1);
}

void metrics_loop_lag(const struct metrics_row *row)
{
	sample_histogram(row, ONCE, &row->m->lag, metrics_lag_bounds, NULL,
			 NULL);
}

void metrics_self_doubt(const struct metrics_row *row)
{
	sample_number(row, ONCE, ctl_doubt(row->view->ctl).level);
}

void metrics_self_patience_now(const struct metrics_row *row)
{
	sample_number(row, ONCE, ctl_doubt(row->view->ctl).patience);
}

void metrics_maintenance(const struct metrics_row *row)
{
	sample_number(row, ONCE, ctl_maintenance(row->view->ctl) != NULL);
}

void metrics_store_up(const struct metrics_row *row)
{
	if (row->view->store != NULL)
		sample_number(row, ONCE, store_state(row->view->store).ok);
}

void metrics_store_queue(const struct metrics_row *row)
{
	if (row->view->store != NULL)
		sample_number(row, ONCE, store_state(row->view->store).queue);
}

void metrics_store_dropped(const struct metrics_row *row)
{
	if (row->view->store != NULL)
		sample_count(row, ONCE, store_state(row->view->store).dropped);
}

void metrics_log_dropped_lines(const struct metrics_row *row)
{
	sample_count(row, ONCE, row->page->log_dropped);
}

void metrics_process_cpu(const struct metrics_row *row)
{
	struct process_figures fig;

	process_figures(&fig);
	sample_begin(row, "_total", ONCE, NULL, NULL);
	sample_end_seconds(row, fig.cpu_us);
}

void metrics_process_resident(const struct metrics_row *row)
{
	struct process_figures fig;

	process_figures(&fig);
	sample_number(row, ONCE, fig.resident_bytes);
}

void metrics_process_virtual(const struct metrics_row *row)
{
	struct process_figures fig;

	process_figures(&fig);
	sample_number(row, ONCE, fig.virtual_bytes);
}

void metrics_process_fds(const struct metrics_row *row)
{
	struct process_figures fig;

	process_figures(&fig);
	sample_number(row, ONCE, fig.fds);
}

void metrics_process_fds_max(const struct metrics_row *row)
{
	struct process_figures fig;

	process_figures(&fig);
	sample_number(row, ONCE, fig.fds_max);
}

void metrics_process_start(const struct metrics_row *row)
{
	sample_seconds(row, ONCE, row->view->started_wall_us);
}
