/* events: asks the service to run a script and hands on what it says: server-sent events while the script runs, or one
 * answer at the end. Knows nothing of the page. */

const TYPE = 'text/event-stream';

/* Calls onEvent(name, data) for each event in the text that comes in pieces. */
export class EventReader {
    constructor(onEvent) {
        this.onEvent = onEvent;
        this.pieces = []; // of a line that has not ended
        this.name = 'message';
        this.data = [];
    }

    push(text) {
        const lines = text.split('\n');
        this.pieces.push(lines[0]);
        for (const start of lines.slice(1)) {
            this.line(this.pieces.join(''));
            this.pieces = [start];
        }
    }

    line(text) {
        if (text.endsWith('\r'))
            text = text.slice(0, -1);
        if (text === '')
            this.dispatch();
        const colon = text.indexOf(':');
        if (colon === 0) // a comment, to keep the connection alive
            return;
        const field = colon < 0 ? text : text.slice(0, colon);
        const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
        if (field === 'event')
            this.name = value;
        else if (field === 'data')
            this.data.push(value);
    }

    dispatch() {
        if (this.data.length)
            this.onEvent(this.name, this.data.join('\n'));
        this.name = 'message';
        this.data = [];
    }
}

async function readEvents(response, onText) {
    let body = null;
    const events = new EventReader((name, data) => {
        if (name === 'stdout' || name === 'stderr')
            onText(name, JSON.parse(data));
        else if (name === 'result' || name === 'error')
            body = data;
    });
    const decoder = new TextDecoder(), reader = response.body.getReader();
    for (;;) {
        const { done, value } = await reader.read();
        if (done)
            break;
        events.push(decoder.decode(value, { stream: true }));
    }
    if (body === null)
        throw new Error('the answer ended early');
    return body;
}

/* "queue;dur=0.02, run;dur=3.1" -> Map of queue to 0.02, run to 3.1. */
function parseTimings(header) {
    return new Map([...(header ?? '').matchAll(/([\w-]+);dur=([\d.]+)/g)].map(([, name, ms]) => [name, Number(ms)]));
}

/* In milliseconds: what the service says. It cannot say before the run how long that will take, and sends the head of a stream
 * when the run begins: so what it leaves out is taken from when what came. */
function timingsOf(response, isStream, beganMs, headMs) {
    const said = parseTimings(response.headers.get('Server-Timing')), endMs = performance.now();
    const seen = isStream ? [['queue', headMs - beganMs], ['run', endMs - headMs]] : [];
    return [...new Map([...seen, ...said]), ['total', endMs - beganMs]];
}

/* {status, headers, timings: [[name, ms]], body: the answer's JSON text}. onText(name, text) is called for output that comes before the answer.
 * Rejects when the connection breaks, or with signal's AbortError. */
export async function execute(script, { token, signal, onText }) {
    const headers = { 'Content-Type': 'application/json', Accept: `${TYPE}, application/json;q=0.9` };
    if (token)
        headers.Authorization = `Bearer ${token}`;
    const beganMs = performance.now();
    const response = await fetch('/execute', { method: 'POST', headers, signal, body: JSON.stringify({ script }), cache: 'no-store' });
    const headMs = performance.now(), isStream = (response.headers.get('Content-Type') ?? '').startsWith(TYPE);
    const body = isStream ? await readEvents(response, onText) : await response.text();
    const timings = timingsOf(response, isStream, beganMs, headMs);
    return { status: response.status, headers: response.headers, timings, body };
}
