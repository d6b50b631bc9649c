/* The drill report as JSON: schema/drill-report/v1. */

#include <string.h>

#include "report/drill.h"

#define SCHEMA "schema/drill-report/v1"

/* An empty text says nothing, so it is left out. */
static void set_text(json_t *obj, const char *key, const char *text)
{
	if (text[0] != '\0')
		json_object_set_new(obj, key, json_string(text));
}

/* A moment that did not come is left out. */
static void set_span(json_t *obj, const char *key, int64_t span_us)
{
	if (span_us != SPAN_NONE)
		json_object_set_new(obj, key, span_json(span_us));
}

static json_t *fault_json(const struct drill_fault *fault)
{
	json_t *params = json_object();

	if (fault->param[0] != '\0')
		json_object_set_new(params, fault->param,
				    json_integer(fault->value));
	return json_pack("{ss ss so}", "type", drill_fault_name(fault->type),
			 "target", fault->target, "params", params);
}

static json_t *client_json(const struct drill_client *client)
{
	return json_pack("{sI sI sI so sI so}", "ops", (json_int_t)client->ops,
			 "failed", (json_int_t)client->failed, "slow",
			 (json_int_t)client->slow, "max_gap_s",
			 span_json(client->max_gap_us), "acked_lost",
			 (json_int_t)client->acked_lost, "dual_primary_ms",
			 json_real((double)client->dual_primary_us / 1000.0));
}

static json_t *evidence_json(const struct drill_run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->evidence_count; i++) {
		const struct drill_evidence *ev = &run->evidence[i];
		json_t *obj = json_object();

		set_span(obj, "at", ev->at_us);
		set_text(obj, "node", ev->node);
		set_text(obj, "kind", ev->kind);
		set_text(obj, "class", ev->class);
		json_array_append_new(list, obj);
	}
	return list;
}

static json_t *times_json(const struct drill_run *run)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "fault", wall_json(run->fault_wall_us));
	set_span(obj, "first_bad", run->first_bad_us);
	set_span(obj, "suspect", run->suspect_us);
	set_span(obj, "confirmed", run->confirmed_us);
	set_span(obj, "decision", run->decision_us);
	set_span(obj, "fenced", run->fenced_us);
	set_span(obj, "promoted", run->promoted_us);
	set_span(obj, "routed", run->routed_us);
	set_span(obj, "first_success", run->first_success_us);
	set_span(obj, "redundant", run->redundant_us);
	return obj;
}

static json_t *run_json(const struct drill_run *run)
{
	json_t *obj = json_pack("{sI ss so so so so}", "n", (json_int_t)run->n,
				"result", drill_result_name(run->result),
				"fault", fault_json(&run->fault), "t",
				times_json(run), "evidence", evidence_json(run),
				"client", client_json(&run->client));

	set_text(obj, "reason", run->reason);
	set_text(obj, "decision_id", run->decision);
	set_text(obj, "held", run->held);
	set_text(obj, "log_excerpt", run->log_excerpt);
	return obj;
}

static json_t *summary_json(const struct drill_summary *sum)
{
	return json_pack(
		"{sI sI sI sI sI sI so so so so s{so} so}", "runs",
		(json_int_t)sum->runs, "pass", (json_int_t)sum->pass, "fail",
		(json_int_t)sum->fail, "error", (json_int_t)sum->error,
		"skipped", (json_int_t)sum->skipped, "held",
		(json_int_t)sum->held, "ttd_s", stats_json(&sum->detected),
		"tta_s", stats_json(&sum->acted), "ttr_s",
		stats_json(&sum->recovered), "client_s",
		stats_json(&sum->client), "phases", "react_s",
		stats_json(&sum->react), "client", client_json(&sum->total));
}

static json_t *summaries_json(const struct drill_report *rep)
{
	json_t *obj = summary_json(&rep->summary), *faults = json_object();

	for (enum drill_fault_type i = 0; i < DRILL_FAULT_TYPES; i++)
		if (rep->by_fault[i].runs > 0)
			json_object_set_new(faults, drill_fault_name(i),
					    summary_json(&rep->by_fault[i]));
	json_object_set_new(obj, "false_positives",
			    json_integer(rep->false_positives));
	json_object_set_new(obj, "by_fault", faults);
	return obj;
}

static json_t *runs_json(const struct drill_report *rep)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rep->run_count; i++)
		json_array_append_new(list, run_json(&rep->runs[i]));
	return list;
}

static json_t *aims_json(const struct drill_report *rep)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rep->aim_count; i++) {
		const struct drill_aim *aim = &rep->aims[i];
		/* Not a number: it was never seen. */
		json_t *value = json_real(aim->value);

		json_array_append_new(
			list,
			json_pack("{ss so sf ss sb}", "name", aim->name,
				  "value", value != NULL ? value : json_null(),
				  "limit", aim->limit, "unit", aim->unit, "met",
				  aim->met));
	}
	return list;
}

static json_t *slo_json(const struct drill_report *rep)
{
	json_t *obj = json_object();

	for (size_t i = 0; i < rep->aim_count; i++)
		json_object_set_new(obj, rep->aims[i].name,
				    json_real(rep->aims[i].limit));
	return obj;
}

static json_t *scenario_json(const struct drill_report *rep)
{
	json_t *obj = json_pack("{ss sI sI}", "id", rep->scenario, "repeat",
				(json_int_t)rep->run_count, "seed",
				(json_int_t)rep->seed);

	set_text(obj, "title", rep->title);
	set_text(obj, "hypothesis", rep->hypothesis);
	set_text(obj, "blast_radius", rep->blast_radius);
	return obj;
}

static json_t *environment_json(const struct drill_environment *env)
{
	json_t *node = json_pack("{sI}", "cpu", (json_int_t)env->cpus);
	json_t *obj = json_pack("{s[o]}", "nodes", node);

	set_text(node, "id", env->node);
	set_text(node, "os", env->os);
	set_text(node, "kernel", env->kernel);
	set_text(obj, "config_sha256", env->config_sha256);
	return obj;
}

json_t *drill_report_json(const struct drill_report *rep)
{
	json_t *obj = json_pack(
		"{ss ss s{ss ss ss} so so so so so so ss so so}", "schema",
		SCHEMA, "report_id", rep->id, "tool", "name", rep->tool_name,
		"version", rep->tool_version, "commit", rep->commit, "scenario",
		scenario_json(rep), "environment",
		environment_json(&rep->environment), "slo", slo_json(rep),
		"aims", aims_json(rep), "runs", runs_json(rep), "summary",
		summaries_json(rep), "verdict", drill_result_name(rep->verdict),
		"started", wall_json(rep->started_wall_us), "finished",
		wall_json(rep->finished_wall_us));

	if (obj != NULL && rep->baseline != NULL)
		json_object_set_new(obj, "baseline",
				    drill_report_json(rep->baseline));
	return obj;
}
