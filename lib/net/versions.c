#include "net/http.h"

#include <curl/curl.h>
#include <libssh2.h>
#include <pthread.h>
#include <stdio.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char versions[128];

static void read_versions(void)
{
	const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
	const char *ssh = libssh2_version(0);
	snprintf(versions, sizeof(versions), "libcurl %s (%s), libssh2 %s", curl->version,
		curl->ssl_version ? curl->ssl_version : "without TLS", ssh ? ssh : "unknown");
}

const char *net_versions(void)
{
	pthread_once(&once, read_versions);
	return versions;
}
