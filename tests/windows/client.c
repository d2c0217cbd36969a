/*
 * What runs inside: asks for the URLs it is given by the proxy that its environment names, and says
 * each answer's status; ends with 0 when all were answered. A file it tries to change, and says
 * whether it could.
 *
 *   client [http://HOST:PORT/PATH | change:FILE]...
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ask(const char *proxy_port, const char *url)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((u_short)atoi(proxy_port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const char *host = url + strlen("http://");
	SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	char text[2048];
	int n, got = 0;

	n = snprintf(text, sizeof(text),
		"GET %s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n", url,
		(int)strcspn(host, "/"), host);
	if (connect(s, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
		send(s, text, n, 0) != n) {
		printf("no proxy: %d\n", WSAGetLastError());
		return 1;
	}
	while (got < (int)sizeof(text) - 1 &&
		(n = recv(s, text + got, (int)sizeof(text) - 1 - got, 0)) > 0) {
		got += n;
	}
	text[got] = '\0';
	closesocket(s);
	printf("status %.3s\n", got > 12 ? text + 9 : "no");
	return got > 12 ? 0 : 1;
}

static void change(const char *path)
{
	HANDLE file = CreateFileA(path, GENERIC_WRITE,
		FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0,
		NULL);

	if (file != INVALID_HANDLE_VALUE) {
		CloseHandle(file);
		puts("writes");
	} else {
		printf("write %lu\n", (unsigned long)GetLastError());
	}
	if (DeleteFileA(path)) {
		puts("deletes");
	} else {
		printf("delete %lu\n", (unsigned long)GetLastError());
	}
}

int main(int argc, char **argv)
{
	const char *proxy = getenv("HTTP_PROXY"),
		   *colon = proxy != NULL ? strrchr(proxy, ':') : NULL;
	WSADATA data;
	int status = 0;

	if (WSAStartup(MAKEWORD(2, 2), &data) != 0 || colon == NULL) {
		puts("no proxy is named");
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "change:", 7) == 0) {
			change(argv[i] + 7);
		} else {
			status |= ask(colon + 1, argv[i]);
		}
	}
	return status;
}
