#define OPENSSL_SUPPRESS_DEPRECATED /* the plain functions are the point here */
#include "base/sha256.h"

#include <openssl/sha.h>

void sha256_of(const void *bytes, size_t length, unsigned char digest[SHA256_BYTES])
{
	SHA256_CTX state;
	SHA256_Init(&state);
	SHA256_Update(&state, bytes, length);
	SHA256_Final(digest, &state);
}
