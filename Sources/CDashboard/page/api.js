// Questions to the daemon that served this page, and to nobody else.

/** An answer other than 2xx. */
export class Refused extends Error {
  constructor(path, status, code, detail) {
    super(detail);
    this.path = path;
    this.status = status;
    this.code = code;
  }
}

let token = sessionStorage.getItem("roost.token");
let askForToken = null;
/** Called when the port wants a token and this page has none that fits; resolves with one. */
export const onUnauthorized = (ask) => { askForToken = ask; };

/** The form that is shown; one, however many questions wait for it. */
let asking = null;

async function ask(path, options = {}) {
  for (;;) {
    const used = token;
    const headers = used ? { Authorization: `Bearer ${used}` } : {};
    const response = await fetch(path, { ...options, headers });
    if (response.status !== 401 || !askForToken) return response;
    if (used !== token) continue;
    asking ??= askForToken(used !== null).then((given) => {
      token = given;
      sessionStorage.setItem("roost.token", given);
      asking = null;
    });
    await asking;
  }
}

async function decoded(path, response) {
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const error = body?.error ?? {};
  throw new Refused(path, response.status, error.code ?? "", error.detail ?? response.statusText);
}

export const get = async (path, signal) => decoded(path, await ask(path, { signal }));
export const post = async (path) => decoded(path, await ask(path, { method: "POST" }));

/** The answer, or the refusal in its place: for a view that is of use without this part. */
export async function attempt(path, signal) {
  try {
    return { value: await get(path, signal) };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { error };
  }
}

/** Follows `/v1/live` until it ends, calling back with (event, data); throws where it is not there. */
export async function follow(onEvent, signal) {
  const response = await ask("v1/live", { signal });
  if (!response.ok) await decoded("v1/live", response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split(/\r?\n\r?\n/);
    text = parts.pop();
    for (const part of parts) {
      let name = "message";
      const data = [];
      for (const line of part.split(/\r?\n/)) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
      }
      if (data.length) onEvent(name, JSON.parse(data.join("\n")));
    }
  }
}
