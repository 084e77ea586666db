/* What the tests of the page share: the service, a browser, and pages that are watched for what must never happen. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const BINARY = process.env.CODE_RUNNER, PICTURES = process.env.PICTURES;
const closers = [];

after(async () => {
    for (const close of closers.reverse())
        await close();
});

/* Below those that the kernel gives away, to connections too: nobody takes it before the service does. */
async function freePort() {
    for (;;) {
        const port = 20000 + Math.floor(Math.random() * 12000), probe = net.createServer().listen(port, '127.0.0.1');
        if (await once(probe, 'listening').then(() => true, () => false)) {
            probe.close();
            return port;
        }
    }
}

/* A service of one's own; its origin. */
export async function startService(...flags) {
    const port = await freePort(), origin = `http://127.0.0.1:${port}`;
    const child = spawn(BINARY, [`--port=${port}`, '--address=127.0.0.1', '--slots=2', ...flags], { stdio: ['ignore', 'ignore', 'inherit'] });
    closers.push(async () => {
        child.kill('SIGTERM');
        const [status] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
        assert.equal(status, 0, 'exit status of the service');
    });
    for (let tries = 0; tries < 600; tries++) {
        if (await fetch(`${origin}/ready`).then((answer) => answer.ok, () => false))
            return origin;
        assert.equal(child.exitCode, null, 'the service runs');
        await sleep(100);
    }
    throw new Error('the service is not ready');
}

/* Waits until /ready says so; less long than the scripts of 29 s that are waited for would run by themselves. */
export async function becomes(service, name, count) {
    const now = async () => (await (await fetch(`${service}/ready`)).json())[name];
    for (let tries = 0; (await now()) !== count; tries++) {
        assert(tries < 100, `${name}: ${await now()}, not ${count}`);
        await sleep(100);
    }
}

/* A server before the service: POST /execute is answered by answer(request, response), all else by the service. */
export async function startFront(origin, answer) {
    const front = http.createServer((request, response) => {
        if (request.method === 'POST')
            return answer(request, response);
        http.get(origin + request.url, { headers: request.headers }, (got) => {
            response.writeHead(got.statusCode, got.headers);
            got.pipe(response);
        });
    }).listen(0, '127.0.0.1');
    await once(front, 'listening');
    closers.push(() => {
        front.closeAllConnections();
        front.close();
    });
    return `http://127.0.0.1:${front.address().port}`;
}

/* The one that tests share, with all libraries. It is there before any test: node's runner ends when those it knows of have. */
export const origin = await startService();

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--host-resolver-rules=MAP plain.example 127.0.0.1'],
});
closers.push(() => browser.close());

/* What a browser says of an answer of POST /execute that is an error, which is no error of the page. */
function isAnswer(message) {
    return message.text().match(/^Failed to load resource: the server responded with a status of [45]/) && message.location().url.endsWith('/execute');
}

/* A page in a context of its own, and what it did wrong: console errors, exceptions, requests to elsewhere, violations of its
 * Content-Security-Policy. */
export async function openPage(origin, { path = '/', ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options });
    const page = await context.newPage(), faults = [];
    page.setDefaultTimeout(60000);
    page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type()) && !isAnswer(message))
            faults.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
    page.on('request', (request) => {
        const { protocol, origin: to } = new URL(request.url());
        if (protocol !== 'data:' && to !== origin)
            faults.push(`request: ${request.url()}`);
    });
    await page.exposeFunction('tellViolation', (text) => faults.push(`policy: ${text}`));
    await page.addInitScript(() => addEventListener('securitypolicyviolation',
        (event) => globalThis.tellViolation(`${event.violatedDirective} ${event.blockedURI}`), true));
    await page.goto(origin + path);
    return { page, context, faults };
}

/* fn(page, context) with a page that must be without fault afterwards. */
export async function withPage(origin, options, fn) {
    const { page, context, faults } = await openPage(origin, options);
    await fn(page, context);
    assert.deepEqual(faults, []);
    await context.close();
}

/* For people to look at. */
export function takePicture(page, name, options = {}) {
    return page.screenshot({ path: `${PICTURES}/${name}.png`, ...options });
}

export function editorText(page) {
    return page.evaluate(() => document.querySelector('.CodeMirror').CodeMirror.getValue());
}

/* Replaces all of it. */
export async function writeScript(page, script) {
    await page.evaluate((text) => document.querySelector('.CodeMirror').CodeMirror.setValue(text), script);
}

export async function waitForStatus(page, pattern) {
    await page.waitForFunction((source) => new RegExp(source).test(document.getElementById('status').textContent), pattern.source);
    return page.locator('#status').textContent();
}

export async function runScript(page, script, pattern = /^(Finished|Failed)/) {
    await writeScript(page, script);
    await page.click('#run');
    return waitForStatus(page, pattern);
}
