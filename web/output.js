/* output: the right side of the page: what came of a run. Text of a script only ever becomes text, never markup. */
import { Entries } from './json.js';
import { cut, makeTree } from './tree.js';

const SHOWN = 400000; // characters of one text; browsers get slow beyond
const REFRESH_MS = 50;
const NEAR = 40; // pixels
const LINE = /line (\d+)/;
const FRAME = /File "script\.py", line (\d+)/; // not of a module that was sent along: it is not in the editor

const part = (name) => document.getElementById(`part-${name}`);
const place = (name) => document.getElementById(name);

/* Text that grows, shown a few times a second and up to SHOWN. */
class Stream {
    constructor(name) {
        this.name = name;
        this.clear();
    }

    clear() {
        clearTimeout(this.timer);
        this.timer = null;
        this.size = this.shown = 0;
        this.waiting = '';
        this.full = false;
        place(this.name).textContent = '';
        part(this.name).hidden = true;
    }

    append(text) {
        const room = SHOWN - this.shown - this.waiting.length;
        this.size += text.length;
        this.waiting += this.full ? '' : cut(text, room);
        this.full ||= text.length > room; // also where the last character did not fit
        this.timer ??= setTimeout(() => this.show(), REFRESH_MS);
    }

    show() {
        clearTimeout(this.timer);
        this.timer = null;
        const paper = place('paper'), atEnd = paper.scrollTop + paper.clientHeight >= paper.scrollHeight - NEAR;
        part(this.name).hidden = this.size === 0;
        place(this.name).append(this.waiting);
        if (atEnd) // who reads the end goes on reading it
            paper.scrollTop = paper.scrollHeight;
        this.shown += this.waiting.length;
        this.waiting = '';
    }

    /* All of it is known now. */
    finish(text) {
        if (text.length !== this.size) {
            this.clear();
            this.append(text);
        }
        this.show();
        if (this.full)
            place(this.name).append(`\n… ${this.size - this.shown} more characters are not shown here.`);
    }
}

const streams = { stdout: new Stream('stdout'), stderr: new Stream('stderr') };

/* Text in which what pattern finds is a link to a line. */
function linked(text, pattern, goToLine) {
    const nodes = [];
    for (const found of text.matchAll(new RegExp(pattern, 'g'))) {
        const button = document.createElement('button'), start = found[0].lastIndexOf('line ');
        button.type = 'button';
        button.className = 'link';
        button.textContent = `line ${found[1]}`;
        button.title = 'Show it in the editor';
        button.addEventListener('click', () => goToLine(Number(found[1])));
        nodes.push([found.index + start, button]);
    }
    let at = 0;
    const pieces = nodes.flatMap(([index, button]) => {
        const before = text.slice(at, index);
        at = index + button.textContent.length;
        return [before, button];
    });
    return [...pieces, text.slice(at)];
}

function showFigures(figures) {
    const pictures = figures.map((figure, index) => {
        const image = document.createElement('img');
        image.alt = `Figure ${index + 1} of ${figures.length}`;
        image.src = `data:image/png;base64,${figure.get('data')}`;
        return image;
    });
    place('figures').replaceChildren(...pictures);
    part('figures').hidden = pictures.length === 0;
}

/* As a person reads it. */
export function duration(ms) {
    if (ms >= 1000)
        return `${(ms / 1000).toFixed(1)} s`;
    return ms < 0.1 ? 'under 0.1 ms' : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

function showTimings(timings) {
    const nodes = timings.map(([name, ms]) => {
        const row = document.createElement('div'), term = document.createElement('dt'), value = document.createElement('dd');
        term.textContent = name;
        value.textContent = duration(ms);
        row.append(term, value);
        return row;
    });
    place('timings').replaceChildren(...nodes);
    part('timings').hidden = false;
}

export function showStatus(text, kind = '') {
    place('status').textContent = text;
    place('status').className = kind;
}

export function clearOutput() {
    for (const name of ['error', 'traceback', 'result', 'figures', 'timings']) {
        part(name).hidden = true;
        place(name).replaceChildren();
    }
    streams.stdout.clear();
    streams.stderr.clear();
}

/* Output of a script that still runs; name: stdout or stderr. */
export function addText(name, text) {
    streams[name].append(text);
}

/* Nothing more will come. */
export function flushText() {
    streams.stdout.show();
    streams.stderr.show();
}

/* answer: Entries of the whole answer. timings: [[name, ms]]. */
export function showAnswer(answer, timings, goToLine) {
    const error = answer.get('error'), traceback = answer.get('traceback'), figures = answer.get('figures') ?? [];
    streams.stdout.finish(answer.get('stdout') ?? '');
    streams.stderr.finish(answer.get('stderr') ?? '');
    if (error !== undefined) {
        place('error').replaceChildren(...linked(error, answer.get('outcome') === 'syntax_error' ? LINE : FRAME, goToLine));
        part('error').hidden = false;
    } else {
        place('result').replaceChildren(makeTree(answer.get('result')));
        part('result').hidden = false;
    }
    if (traceback) {
        place('traceback').replaceChildren(...linked(traceback, FRAME, goToLine));
        part('traceback').hidden = false;
    }
    showFigures(figures.filter((figure) => figure instanceof Entries));
    showTimings(timings);
    place('paper').scrollTop = 0;
}
