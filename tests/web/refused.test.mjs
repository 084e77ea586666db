/* What a person sees when there is no place, no service, or no end yet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { becomes, origin, startFront, startService, waitForStatus, withPage, writeScript } from './support.mjs';

const text = (page, id) => page.locator(`#${id}`).textContent();
let small;

/* One script at a time, and little of it. */
function smallService() {
    return small ??= startService('--preload=none', '--slots=1', '--input-mb=1');
}

test('a full service says when to come again; what is not of the service is told', async () => {
    const busy = JSON.stringify({ error: 'All slots are busy and the queue is full', outcome: 'overloaded' });
    const answers = [
        [503, { 'Content-Type': 'application/json', 'Retry-After': '7' }, busy],
        [502, { 'Content-Type': 'text/html' }, '<h1>Bad gateway</h1>'],
        [200, { 'Content-Type': 'application/json' }, '[]'],
        [504, {}, ''],
    ];
    const front = await startFront(origin, (request, response) => {
        const [status, headers, body] = answers.shift();
        response.writeHead(status, headers);
        response.end(body);
    });
    await withPage(front, {}, async (page) => {
        await page.click('#run');
        assert.match(await waitForStatus(page, /^Failed/), /: overloaded\. Try again in 7 s\.$/);
        assert.equal(await text(page, 'error'), 'All slots are busy and the queue is full');
        for (const status of [502, 200, 504]) {
            await page.click('#run');
            await waitForStatus(page, new RegExp(`^The service gave no answer: something else answered, with status ${status}\\.$`));
            assert(await page.locator('#part-error').isHidden() && await page.locator('#part-result').isHidden());
        }
    });
});

test('Stop takes a script from the queue', async () => {
    const service = await smallService(), leave = new AbortController();
    const first = fetch(`${service}/execute`, { method: 'POST', signal: leave.signal, headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ script: 'import time\ndef main():\n    time.sleep(29)\n' }) }).catch((error) => error);
    await becomes(service, 'running', 1);
    await withPage(service, {}, async (page) => {
        await page.click('#run');
        await becomes(service, 'waiting', 1);
        await page.click('#stop');
        await waitForStatus(page, /^Stopped after/);
        await becomes(service, 'waiting', 0);
        await becomes(service, 'running', 1);
    });
    leave.abort();
    assert.equal((await first).name, 'AbortError');
    await becomes(service, 'running', 0);
});

test('a script that is far too long is refused', async () => withPage(await smallService(), {}, async (page) => {
    await writeScript(page, `${'#'.repeat(99)}\n`.repeat(60000));
    await page.click('#run');
    assert.match(await waitForStatus(page, /^Failed/), /: invalid_request\.$/);
    assert.match(await text(page, 'error'), /^Request size is over the limit of 5242880 bytes$/);
}));

test('who reads the end of the output goes on reading it, on narrow screens too', async () => {
    let write;
    const front = await startFront(origin, (request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        write = (lines) => response.write(`event: stdout\ndata: ${JSON.stringify(lines)}\n\n`);
        write('a\n'.repeat(300));
    });
    for (const viewport of [{ width: 360, height: 740 }, { width: 1200, height: 760 }])
        await withPage(front, { viewport }, async (page) => {
            const shows = (end) => page.waitForFunction((wanted) => document.getElementById('stdout').textContent.endsWith(wanted), end);
            const below = () => page.locator('#paper').evaluate((paper) => paper.scrollHeight - paper.clientHeight - paper.scrollTop);
            await page.click('#run');
            await shows('a\n');
            assert(await page.locator('#paper').evaluate((paper) => paper.scrollHeight > paper.clientHeight + 1000));
            assert(await below() < 2, `${viewport.width}: ${await below()}`);
            write('b\n'.repeat(300));
            await shows('b\n');
            assert(await below() < 2, `${viewport.width}: ${await below()}`);
            await page.locator('#paper').evaluate((paper) => { paper.scrollTop = 100; });
            write('c\n');
            await shows('c\n');
            assert.equal(await page.locator('#paper').evaluate((paper) => paper.scrollTop), 100);
            await page.click('#stop');
        });
});
