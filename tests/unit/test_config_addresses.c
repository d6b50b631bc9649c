/* Addresses in a configuration, of targets, HAProxies and listeners: what is
 * wrong with them, in the words that the operator sees. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/config_text.h"

#define TARGET(address)                                                        \
	"services = ( { name = \"s\"; targets = ( { name = \"t\"; " address    \
	"} ); } );\n"

static void refuses_addresses_that_are_none(void **state)
{
	static const struct mistake mistakes[] = {
		{ TARGET(""),
		  "x.conf:1: target \"t\" has no address: add address = "
		  "\"HOST:PORT\"\n" },
		{ TARGET("address = \"10.0.0.1\";"),
		  "x.conf:1: address \"10.0.0.1\" has no port: add one, such "
		  "as \"10.0.0.1:80\"\n" },
		{ TARGET("address = \"10.0.0.1:0\";"),
		  "x.conf:1: address \"10.0.0.1:0\" has no valid port: give "
		  "one from 1 to 65535\n" },
		{ TARGET("address = \"10.0.0.1:65536\";"),
		  "x.conf:1: address \"10.0.0.1:65536\" has no valid port: "
		  "give one from 1 to 65535\n" },
		{ TARGET("address = \"10.0.0.300:80\";"),
		  "x.conf:1: \"10.0.0.300:80\" is neither an IP address nor "
		  "a name: write it like \"10.0.0.1:5000\", "
		  "\"[2001:db8::1]:5000\" or \"api1.example:5000\"\n" },
		{ TARGET("address = \"2001:db8::1:80\";"),
		  "x.conf:1: address \"2001:db8::1:80\" has many colons: "
		  "write IPv6 like \"[2001:db8::1]:5000\"\n" },
		{ TARGET("address = \"[2001:db8::1:80\";"),
		  "x.conf:1: address \"[2001:db8::1:80\" has no ']': write "
		  "it like \"[2001:db8::1]:5000\"\n" },
		{ TARGET("address = \"[::1]80\";"),
		  "x.conf:1: address \"[::1]80\" goes on after ']': write it "
		  "like \"[2001:db8::1]:5000\"\n" },
		{ TARGET("address = \":80\";"),
		  "x.conf:1: address \":80\" has no host: write it like "
		  "\"10.0.0.1:5000\"\n" },
		{ SERVICE("") "http = { listen = \"localhost:80\"; };\n",
		  "x.conf:2: listen = \"localhost:80\" names no IP address: "
		  "write it like \"127.0.0.1:7480\"\n" },
		{ SERVICE("") "http = { listen = \"127.0.0.1\"; };\n",
		  "x.conf:2: listen = \"127.0.0.1\" has no port: write it "
		  "like \"127.0.0.1:7480\"\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

#define HTTP_AND_AGENT(http, agent)                                            \
	"http = { listen = \"" http "\"; };\n"                                 \
	"haproxy = ( { socket = \"/s\"; agent_listen = \"" agent "\"; } );\n"
#define TWO_AGENTS(first, second)                                              \
	"haproxy = ( { socket = \"/s\"; agent_listen = \"" first "\"; },\n"    \
	"{ name = \"b\"; socket = \"/t\"; agent_listen = \"" second            \
	"\"; } );\n"

static void refuses_haproxies_that_cannot_be_reached(void **state)
{
	static const struct mistake mistakes[] = {
		{ SERVICE("backend = \"b\";") "haproxy = ( { } );\n",
		  "x.conf:2: HAProxy \"local\" has no socket: add socket = "
		  "\"/run/haproxy/admin.sock\"\n" },
		{ SERVICE("backend = \"b\";") "haproxy = ( { address = "
					      "\"10.0.0.1\"; } );\n",
		  "x.conf:2: address \"10.0.0.1\" has no port: add one, such "
		  "as \"10.0.0.1:9999\"\n" },
		{ SERVICE("backend = \"b\";") "haproxy = ( { socket = \"/s\"; "
					      "address = \"h:1\"; } );\n",
		  "x.conf:2: socket and address are both given: keep one\n" },
		{ SERVICE("backend = \"b\";") "haproxy = ( { socket = \"s\"; "
					      "} );\n",
		  "x.conf:2: socket \"s\" is not absolute: begin it with "
		  "'/'\n" },
		{ SERVICE("backend = \"b\";") "haproxy = ( { socket = \"/s\"; "
					      "},\n{ socket = \"/s\"; } );\n",
		  "x.conf:3: HAProxy \"local\" exists already (line 2): "
		  "give it another name\n"
		  "x.conf:3: socket \"/s\" is another HAProxy's already "
		  "(line 2): name each process once\n" },
		{ SERVICE("backend = \"b\"; add_servers = true; "
			  "server_params = \"maxconn 1;del server b/a\";") "hap"
									   "rox"
									   "y "
									   "= "
									   "( "
									   "{ "
									   "soc"
									   "ket"
									   " = "
									   "\"/"
									   "s\""
									   "; "
									   "} "
									   ");"
									   "\n",
		  "x.conf:1: server_params \"maxconn 1;del server b/a\" is "
		  "not what HAProxy takes: words such as \"maxconn 100 "
		  "send-proxy\", at most 100 bytes\n" },
		{ SERVICE("backend = \"b\";") "haproxy = ( { socket = \"/s\"; "
					      "agent_listen = \"h\"; } );\n",
		  "x.conf:2: agent_listen \"h\" has no port: add one, such "
		  "as \"h:7481\"\n" },
		{ SERVICE("backend = \"b\";") "haproxy = ( { socket = \"/s\"; "
					      "agent_listen = \"[::1]:1\"; "
					      "},\n{ name = \"b\"; "
					      "socket = \"/t\"; "
					      "agent_listen = \"[::1]:1\"; "
					      "} );\n",
		  "x.conf:3: agent_listen \"[::1]:1\" answers another HAProxy "
		  "already (line 2): give each a port of its own\n" },
		{ SERVICE("backend = \"b\";")
			  HTTP_AND_AGENT("127.0.0.1:8080", "127.0.0.1:8080"),
		  "x.conf:3: agent_listen \"127.0.0.1:8080\" is where "
		  "http.listen answers already: give it a port of its own, "
		  "such as \"127.0.0.1:7481\"\n" },
		{ SERVICE("backend = \"b\";")
			  HTTP_AND_AGENT("0.0.0.0:8080", "127.0.0.1:8080"),
		  "x.conf:3: agent_listen \"127.0.0.1:8080\" is where "
		  "http.listen answers already: give it a port of its own, "
		  "such as \"127.0.0.1:7481\"\n" },
		{ SERVICE("backend = \"b\";")
			  HTTP_AND_AGENT("127.0.0.1:8080", "localhost:8080"),
		  "x.conf:3: agent_listen \"localhost:8080\" is where "
		  "http.listen answers already: give it a port of its own, "
		  "such as \"localhost:7481\"\n" },
		{ SERVICE("backend = \"b\";")
			  TWO_AGENTS("127.0.0.1:7481", "[::]:7481"),
		  "x.conf:3: agent_listen \"[::]:7481\" is at the same port "
		  "as \"127.0.0.1:7481\", which answers HAProxy \"local\": "
		  "give each a port of its own\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void takes_listeners_that_keep_apart(void **state)
{
	(void)state;
	settings_free(config_right(SERVICE("backend = \"b\";") HTTP_AND_AGENT(
		"127.0.0.1:8080", "127.0.0.1:7481")));
	settings_free(config_right(SERVICE("backend = \"b\";") HTTP_AND_AGENT(
		"127.0.0.1:8080", "127.0.0.2:8080")));
	settings_free(config_right(SERVICE("backend = \"b\";") HTTP_AND_AGENT(
		"0.0.0.0:8080", "[::1]:8080")));
	settings_free(config_right(SERVICE("backend = \"b\";") TWO_AGENTS(
		"127.0.0.1:7481", "127.0.0.1:7482")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_addresses_that_are_none),
		cmocka_unit_test(refuses_haproxies_that_cannot_be_reached),
		cmocka_unit_test(takes_listeners_that_keep_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
