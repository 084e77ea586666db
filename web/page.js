/* page: the controls of the playground, and one run at a time. */
import { makeEditor } from './editor.js';
import { execute } from './events.js';
import { Entries, parseJson } from './json.js';
import { makeMenu } from './menu.js';
import { addText, clearOutput, duration, flushText, showAnswer, showStatus } from './output.js';
import { copyText, curlCommand, fragmentToScript, scriptToFragment } from './share.js';

const TOKEN = 'code-runner-token'; // in sessionStorage
const TICK_MS = 100;

const control = (id) => document.getElementById(id);
const editor = makeEditor(control('editor'), {
    onRun: () => run(),
    onEdit: () => {
        menu.forget();
        forgetLink();
    },
});
const menu = makeMenu({ menu: control('example'), question: control('question'), answers: control('answers'), replace: control('replace'),
    keep: control('keep') }, editor, forgetLink);
let running = null; // the AbortController of the run
let unkept = ''; // the token, where it cannot be kept

/* ---- access ---- */

/* A browser may be set to let no page keep anything, and throws; then it is known until the page is left. */
function token() {
    try {
        return sessionStorage.getItem(TOKEN) ?? '';
    } catch {
        return unkept;
    }
}

function keepToken(text) {
    try {
        sessionStorage.setItem(TOKEN, text);
    } catch {
        unkept = text;
    }
}

function askForToken() {
    control('access').hidden = false;
    control('token').value = token();
    control('token').focus();
}

function takeToken(event) {
    event.preventDefault();
    const given = control('token').value.trim();
    if (!/^[\x21-\x7e]*$/.test(given)) {
        showStatus('A token has letters, digits and signs only.', 'bad');
        return;
    }
    keepToken(given);
    control('access').hidden = true;
    run();
}

/* ---- a run ---- */

function elapsed(sinceMs) {
    return duration(performance.now() - sinceMs);
}

function setRunning(controller) {
    const focused = document.activeElement;
    running = controller;
    control('run').disabled = controller !== null;
    control('stop').disabled = controller === null;
    // A control that goes away must not take the keyboard's place with it.
    if (controller && focused === control('run'))
        control('stop').focus();
    if (!controller && focused === control('stop'))
        control('run').focus();
}

function tell(answer, { status, headers, timings }, startedMs) {
    const error = answer.get('error'), retry = headers.get('Retry-After');
    if (status === 401) {
        showStatus(token() ? 'This token is not valid.' : 'This service needs an access token.', 'bad');
        askForToken();
        return;
    }
    showAnswer(answer, timings, (line) => editor.goToLine(line));
    if (error !== undefined) {
        const hint = retry ? ` Try again in ${retry} s.` : '';
        showStatus(`Failed after ${elapsed(startedMs)}: ${answer.get('outcome')}.${hint}`, 'bad');
    } else {
        showStatus(`Finished after ${elapsed(startedMs)}.`, 'good');
    }
}

/* What stands between may answer in its own way. */
function answerOf({ status, body }) {
    let answer = null;
    try {
        answer = parseJson(body);
    } catch {
        /* a page of HTML, or nothing */
    }
    if (!(answer instanceof Entries))
        throw new Error(`something else answered, with status ${status}`);
    return answer;
}

async function run() {
    if (running)
        return;
    const startedMs = performance.now(), controller = new AbortController();
    const tick = () => { control('elapsed').textContent = `${((performance.now() - startedMs) / 1000).toFixed(1)} s`; };
    const timer = setInterval(tick, TICK_MS);
    setRunning(controller);
    editor.unmark();
    clearOutput();
    showStatus('Running…');
    tick();
    try {
        const got = await execute(editor.script, { token: token(), signal: controller.signal, onText: addText });
        const answer = answerOf(got);
        setRunning(null);
        tell(answer, got, startedMs);
    } catch (error) {
        flushText();
        if (controller.signal.aborted)
            showStatus(`Stopped after ${elapsed(startedMs)}.`);
        else
            showStatus(`The service gave no answer: ${error.message}.`, 'bad');
    } finally {
        clearInterval(timer);
        tick();
        setRunning(null);
    }
}

/* ---- sharing ---- */

async function copy(text, done) {
    control('notice').textContent = '';
    try {
        await copyText(text);
        control('notice').textContent = done;
    } catch (error) {
        control('notice').textContent = `Not copied: ${error.message}.`;
    }
}

function copyLink() {
    history.replaceState(null, '', `#${scriptToFragment(editor.script)}`);
    copy(location.href, 'Link copied.');
}

/* The link is that of another script from now on; it would also not be seen to be opened again. */
function forgetLink() {
    if (location.hash)
        history.replaceState(null, '', location.pathname + location.search);
}

/* Opens what the link brought. Never runs it: that is the reader's to decide. */
function openFragment() {
    const fragment = location.hash.slice(1), script = fragment ? fragmentToScript(fragment) : null;
    if (script !== null) {
        editor.script = script;
        menu.forget();
    } else if (fragment)
        showStatus('The link holds no script.', 'bad');
    return script !== null;
}

/* ---- start ---- */

control('run').addEventListener('click', run);
control('stop').addEventListener('click', () => running?.abort());
control('access').addEventListener('submit', takeToken);
control('copy-link').addEventListener('click', copyLink);
control('copy-curl').addEventListener('click',
    () => copy(curlCommand(location.origin, editor.script, token() !== ''), 'Command copied.'));
document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) {
        event.preventDefault();
        if (control('access').contains(event.target)) // with the token that stands there
            control('access').requestSubmit();
        else
            run();
    }
});
addEventListener('hashchange', openFragment);
if (!openFragment())
    menu.choose(0);
