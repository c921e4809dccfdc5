#define OPENSSL_SUPPRESS_DEPRECATED /* the plain functions are the point here */
#include "base/sha256.h"

#include "base/late.h"
#include "base/strbuf.h"

#include <assert.h>
#include <openssl/sha.h>
#include <pthread.h>

static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha256), "OpenSSL's state has room");

static struct {
	__typeof__(&SHA256_Init) init;
	__typeof__(&SHA256_Update) update;
	__typeof__(&SHA256_Final) final;
} libcrypto;

static void load(void)
{
	static const struct late_library library = {
		"libcrypto.so.3", "OpenSSL's libcrypto", "libssl3"};
	void *opened = late_open(&library);
	libcrypto.init = late_find(&library, opened, "SHA256_Init");
	libcrypto.update = late_find(&library, opened, "SHA256_Update");
	libcrypto.final = late_find(&library, opened, "SHA256_Final");
}

static SHA256_CTX *state_of(struct sha256 *sum)
{
	return (SHA256_CTX *)(void *)sum->state;
}

void sha256_begin(struct sha256 *sum)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	libcrypto.init(state_of(sum));
}

void sha256_add(struct sha256 *sum, const void *bytes, size_t length)
{
	libcrypto.update(state_of(sum), bytes, length);
}

void sha256_end(struct sha256 *sum, unsigned char digest[SHA256_BYTES])
{
	libcrypto.final(digest, state_of(sum));
}

void sha256_end_text(struct sha256 *sum, char text[SHA256_TEXT])
{
	unsigned char digest[SHA256_BYTES];
	sha256_end(sum, digest);
	hex_text(digest, sizeof(digest), text);
}

void sha256_of(const void *bytes, size_t length, unsigned char digest[SHA256_BYTES])
{
	struct sha256 sum;
	sha256_begin(&sum);
	sha256_add(&sum, bytes, length);
	sha256_end(&sum, digest);
}

void sha256_text(const void *bytes, size_t length, char text[SHA256_TEXT])
{
	struct sha256 sum;
	sha256_begin(&sum);
	sha256_add(&sum, bytes, length);
	sha256_end_text(&sum, text);
}
