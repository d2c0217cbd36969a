/*
 * DPAPI's blobs as text: a first line that says what it is, then Base64.
 */
#include <secret.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>
#include <wincrypt.h>

static const char head[] = "sallyport-dpapi-1\n";
enum { HEAD = sizeof(head) - 1, TEXT_MAX = 1 << 20 };

static DATA_BLOB blob_of(const void *data, size_t len)
{
	return (DATA_BLOB){(DWORD)len, (BYTE *)(uintptr_t)data};
}

static char *to_text(const DATA_BLOB *blob)
{
	DWORD len = 0;
	char *text;

	if (!CryptBinaryToStringA(blob->pbData, blob->cbData,
		    CRYPT_STRING_BASE64 | CRYPT_STRING_NOCR, NULL, &len)) {
		return NULL;
	}
	text = malloc(HEAD + len + 1);
	if (text == NULL || !CryptBinaryToStringA(blob->pbData, blob->cbData,
				    CRYPT_STRING_BASE64 | CRYPT_STRING_NOCR, text + HEAD, &len)) {
		free(text);
		return NULL;
	}
	memcpy(text, head, HEAD);
	text[HEAD + len] = '\0';
	return text;
}

char *secret_wrap(const char *label, const void *data, size_t len)
{
	DATA_BLOB plain = blob_of(data, len), entropy = blob_of(label, strlen(label)), blob;
	char *text;

	if (len > TEXT_MAX || !CryptProtectData(&plain, L"Sallyport", &entropy, NULL, NULL,
				      CRYPTPROTECT_UI_FORBIDDEN, &blob)) {
		return NULL;
	}
	text = to_text(&blob);
	LocalFree(blob.pbData);
	return text;
}

bool secret_is_wrapped(const void *text, size_t len)
{
	return len > HEAD && memcmp(text, head, HEAD) == 0;
}

static char *take(DATA_BLOB *plain, size_t *ret_len)
{
	char *data = malloc((size_t)plain->cbData + 1);

	if (data != NULL) {
		memcpy(data, plain->pbData, plain->cbData);
		data[plain->cbData] = '\0';
		*ret_len = plain->cbData;
	}
	SecureZeroMemory(plain->pbData, plain->cbData);
	LocalFree(plain->pbData);
	return data;
}

char *secret_unwrap(const char *label, const void *text, size_t len, size_t *ret_len)
{
	DATA_BLOB entropy = blob_of(label, strlen(label)), blob = {0, NULL}, plain;
	char *data = NULL;

	if (!secret_is_wrapped(text, len) || len > TEXT_MAX) {
		return NULL;
	}
	text = (const char *)text + HEAD;
	len -= HEAD;
	/* Never longer than its text. */
	blob = blob_of(malloc(len), len);
	if (blob.pbData != NULL &&
		CryptStringToBinaryA(text, (DWORD)len, CRYPT_STRING_BASE64, blob.pbData,
			&blob.cbData, NULL, NULL) &&
		CryptUnprotectData(
			&blob, NULL, &entropy, NULL, NULL, CRYPTPROTECT_UI_FORBIDDEN, &plain)) {
		data = take(&plain, ret_len);
	}
	free(blob.pbData);
	return data;
}
