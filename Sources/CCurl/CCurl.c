#include "CCurl.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct webhook_client {
    CURL *curl;
    atomic_bool stopped;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void begin(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

// What the receiver says beyond its status is not kept: it may repeat what it was sent.
static size_t drop(char *bytes, size_t size, size_t count, void *context) {
    (void)bytes;
    (void)context;
    return size * count;
}

static int progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&((webhook_client *)context)->stopped) ? 1 : 0;
}

webhook_client *webhook_client_make(void) {
    pthread_once(&once, begin);
    webhook_client *client = calloc(1, sizeof *client);
    if (client == NULL) return NULL;
    client->curl = curl_easy_init();
    if (client->curl == NULL) {
        free(client);
        return NULL;
    }
    return client;
}

void webhook_client_free(webhook_client *client) {
    if (client == NULL) return;
    curl_easy_cleanup(client->curl);
    free(client);
}

void webhook_client_stop(webhook_client *client) { atomic_store(&client->stopped, true); }

static void prepare(
    webhook_client *client, const webhook_request *request, struct curl_slist *headers, char *reason
) {
    CURL *curl = client->curl;
    // Connections stay; everything else is as new.
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->timeout);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, request->timeout);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (request->authorities != NULL) curl_easy_setopt(curl, CURLOPT_CAINFO, request->authorities);
}

void webhook_client_post(webhook_client *client, const webhook_request *request, webhook_answer *answer) {
    memset(answer, 0, sizeof *answer);
    struct curl_slist *headers = NULL;
    for (size_t index = 0; index < request->headers_count; index++) {
        struct curl_slist *longer = curl_slist_append(headers, request->headers[index]);
        if (longer == NULL) {
            curl_slist_free_all(headers);
            strcpy(answer->reason, "out of memory");
            return;
        }
        headers = longer;
    }
    char reason[CURL_ERROR_SIZE] = "";
    prepare(client, request, headers, reason);
    CURLcode code = curl_easy_perform(client->curl);
    if (code == CURLE_OK) {
        curl_off_t wait = 0;
        curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
        curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &wait);
        answer->retry_after = (int64_t)wait;
    } else {
        const char *text = reason[0] != 0 ? reason : curl_easy_strerror(code);
        strncpy(answer->reason, text, sizeof answer->reason - 1);
    }
    // It points into this frame.
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
}
