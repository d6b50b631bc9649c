#include "drill/replica/tally.h"

#include <inttypes.h>

static void head(FILE *out, const char *name, const char *type,
		 const char *help)
{
	fprintf(out, "# HELP replica_%s %s\n# TYPE replica_%s %s\n", name, help,
		name, type);
}

static void print_requests(const struct tally *tally, FILE *out)
{
	head(out, "requests_total", "counter", "Answers by path and status.");
	for (int page = 0; page < PAGES; page++)
		for (int code = 0; code < TALLY_STATUS_MAX; code++)
			if (tally->requests[page][code] > 0)
				fprintf(out,
					"replica_requests_total{path=\"%s\","
					"code=\"%d\"} %" PRIu64 "\n",
					page_path((enum page)page), code,
					tally->requests[page][code]);
}

static void print_faults(const struct tally *tally,
			 const unsigned listeners[static FAULT_KINDS],
			 FILE *out)
{
	head(out, "faults_total", "counter", "Requests hit by a fault.");
	for (int kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++)
		fprintf(out, "replica_faults_total{kind=\"%s\"} %" PRIu64 "\n",
			fault_kind_name((enum fault_kind)kind),
			tally->faults[kind]);
	head(out, "listeners", "gauge", "Listeners by their present fault.");
	for (int kind = 0; kind < FAULT_KINDS; kind++)
		fprintf(out, "replica_listeners{fault=\"%s\"} %u\n",
			fault_kind_name((enum fault_kind)kind),
			listeners[kind]);
}

void tally_print(const struct tally *tally,
		 const unsigned listeners[static FAULT_KINDS], FILE *out)
{
	print_requests(tally, out);
	print_faults(tally, listeners, out);
	head(out, "bad_requests_total", "counter", "Requests not understood.");
	fprintf(out, "replica_bad_requests_total %" PRIu64 "\n",
		tally->bad_requests);
	head(out, "connections_total", "counter", "Connections accepted.");
	fprintf(out, "replica_connections_total %" PRIu64 "\n",
		tally->accepted);
	head(out, "connections", "gauge", "Connections open.");
	fprintf(out, "replica_connections %" PRIu64 "\n", tally->open);
}
