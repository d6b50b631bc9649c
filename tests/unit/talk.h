/* For tests: a runtime conversation with a fake HAProxy, in virtual time.
 *
 * What the conversation tells is collected as text, one line each:
 * "up same", "down WHY", "be/s1 READY 100", "done 1", "failed 2 WHY".
 */
#ifndef BASCULE_TESTS_UNIT_TALK_H
#define BASCULE_TESTS_UNIT_TALK_H

#include "controller/core/instant.h"
#include "drill/sim/fake_haproxy.h"
#include "haproxy/runtime.h"

#define TALK_TOLD_MAX 65536

/* Servers s1 and s2 of be, s1 of two, and a service without a backend. */
extern const struct settings talk_settings;

/* What is told of the three when all is well. */
#define TALK_READY "be/s1 READY 100\nbe/s2 READY 100\ntwo/s1 READY 100\n"

/* What a HAProxy 2.6 said: to begin with, of its process, of its servers. */
#define TALK_INFO(pid, stopping)                                               \
	"Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nNbthread: 1\n"              \
	"Process_num: 1\nPid: " pid "\nUptime: 0d 0h00m07s\nUptime_sec: 7\n"   \
	"Run_queue: 1\nnode: vm\nStopping: " stopping                          \
	"\nJobs: 6\nUnstoppable Jobs: 1\nListeners: 5\nTainted: 0\n\n> "
#define TALK_HEAD                                                              \
	"1\n# be_id be_name srv_id srv_name srv_addr srv_op_state "            \
	"srv_admin_state srv_uweight srv_iweight srv_time_since_last_change "  \
	"srv_check_status srv_check_result srv_check_health srv_check_state "  \
	"srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port "    \
	"srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr "  \
	"srv_agent_port\n"
#define TALK_GREETED "\n> \n> "
#define TALK_TABLE                                                             \
	TALK_HEAD                                                              \
	"3 be 1 s1 127.0.0.1 0 1 1 1 0 15 3 0 14 0 0 0 - 20311 - 0 "           \
	"20311 127.0.0.1 - 0\n"                                                \
	"3 be 2 s2 127.0.0.1 2 8 7 10 0 15 3 3 6 0 0 0 - 20312 - 0 0 "         \
	"- - 0\n"                                                              \
	"3 be 6 d3 - 0 1 1 1 0 1 0 0 0 0 0 0 localhost 20311 - 0 0 - "         \
	"- 0\n"                                                                \
	"4 two 1 s1 ::1 2 0 256 128 2 1 0 3 0 0 0 0 - 20313 - 0 0 - "          \
	"- "                                                                   \
	"0\n\n> "

struct talk {
	const struct settings *set; /* borrowed */
	struct servers *servers;    /* owned */
	struct runtime *runtime;    /* owned */
	struct fake_haproxy *fake;  /* owned; NULL: the test is HAProxy */
	struct instant now;
	int conn;   /* -1: none */
	bool deaf;  /* we do not hear what HAProxy says */
	bool brief; /* HAProxy closes once its servers were told */
	unsigned connects;
	int64_t took_us; /* of the last order that was answered */
	char told[TALK_TOLD_MAX];
	char sent[TALK_TOLD_MAX]; /* what went to HAProxy */
};

/* With @fake: settle, so that the link is up.  Fails the test when it cannot.
 */
void talk_begin(struct talk *talk, const struct settings *set, bool fake);
void talk_end(struct talk *talk);

/* Carry bytes to and fro until nothing moves. */
void talk_settle(struct talk *talk);

/* HAProxy says @bytes: for a test that plays its part. */
void talk_hear(struct talk *talk, const char *bytes);

/* Let @span_us pass, with all deadlines in it. */
void talk_wait(struct talk *talk, int64_t span_us);

/* Forget what was told and sent. */
void talk_clear(struct talk *talk);

/* Order something of a target, given by "backend/name". */
void talk_order(struct talk *talk, uint64_t id, const char *server,
		enum server_state state, unsigned percent, bool end);

#endif
