#include "cli/ask.h"

#include "cli/client.h"
#include "cli/options.h"

json_t *ask(const char *socket, const char *path)
{
	struct client *client = NULL;
	struct err err = { 0 };
	json_t *json = NULL;

	if (client_new(socket, &client, &err) < 0 ||
	    client_get(client, path, &json, &err) < 0)
		complain("%s", err.text);
	client_free(client);
	return json;
}
