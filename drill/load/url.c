#include "drill/load/url.h"

#include "drill/arg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char scheme[] = "http://";

static void copy(char *to, const char *from, size_t len)
{
	memcpy(to, from, len);
	to[len] = '\0';
}

static int split_authority(const char *authority, struct url *url)
{
	const char *host = authority, *colon = strrchr(authority, ':');
	const char *bracket = strchr(authority, ']');
	size_t host_len;
	int64_t port = 80;

	if (colon != NULL && bracket != NULL && colon < bracket)
		colon = NULL;
	if (colon != NULL && arg_number(colon + 1, 1, 65535, &port, NULL) < 0)
		return -EINVAL;
	host_len =
		colon != NULL ? (size_t)(colon - authority) : strlen(authority);
	if (bracket != NULL) {
		if (*host != '[' || bracket != host + host_len - 1)
			return -EINVAL;
		host++;
		host_len -= 2;
	} else if (memchr(host, ':', host_len) != NULL) {
		return -EINVAL;
	}
	if (host_len == 0)
		return -EINVAL;
	copy(url->host, host, host_len);
	snprintf(url->port, sizeof(url->port), "%d", (int)port);
	return 0;
}

int url_parse(const char *text, struct url *ret_url, struct err *err)
{
	const size_t scheme_len = sizeof(scheme) - 1;
	const char *authority = text + scheme_len, *path;
	struct url url;

	if (strlen(text) >= URL_MAX || strncmp(text, scheme, scheme_len) != 0 ||
	    text[strcspn(text, " \t\r\n#@")] != '\0')
		goto fail;
	path = authority + strcspn(authority, "/?");
	copy(url.text, text, strlen(text));
	copy(url.authority, authority, (size_t)(path - authority));
	snprintf(url.path, sizeof(url.path), "%s%s", *path == '/' ? "" : "/",
		 path);
	if (split_authority(url.authority, &url) < 0)
		goto fail;
	*ret_url = url;
	return 0;
fail:
	return err_set(err, -EINVAL,
		       "\"%s\" is not http://HOST[:PORT][/PATH], such as "
		       "http://127.0.0.1:5000/api/doctors",
		       text);
}
