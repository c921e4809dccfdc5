/*
 * SHA-256 of something small. Without the set-up of OpenSSL's providers and its configuration file,
 * which takes longer than all else that a program with nothing to do does.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>

enum { SHA256_BYTES = 32 };

void sha256_of(const void *bytes, size_t length, unsigned char digest[SHA256_BYTES]);

#endif
