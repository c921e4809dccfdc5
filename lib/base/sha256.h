/*
 * SHA-256, by OpenSSL's plain functions: without the set-up of its providers and its configuration
 * file, which takes longer than all else that a program with nothing to do does.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_TEXT = 65 };

/* In pieces: begin, add .., end. Holds no memory. */
struct sha256 {
	uint64_t state[16]; /* OpenSSL's */
};
void sha256_begin(struct sha256 *sum);
void sha256_add(struct sha256 *sum, const void *bytes, size_t length);
void sha256_end(struct sha256 *sum, unsigned char digest[SHA256_BYTES]);
/* The same as lower-case hex. */
void sha256_end_text(struct sha256 *sum, char text[SHA256_TEXT]);

/* Of all at once. */
void sha256_of(const void *bytes, size_t length, unsigned char digest[SHA256_BYTES]);
void sha256_text(const void *bytes, size_t length, char text[SHA256_TEXT]);

#endif
