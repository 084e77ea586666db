/* What a person takes along or brings: links, commands, tokens; how the page looks and is used by keyboard. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, test } from 'node:test';
import { editorText, origin, runScript, startService, takePicture, waitForStatus, withPage, writeScript } from './support.mjs';

const TOKEN = 'a-token-of-the-test';
const SCRIPT = 'def main():\n    print("it\'s", "$HOME", "`id`", "ü \u{1F600}")\n    return "\\\\ end"\n';
const CLIPBOARD = { permissions: ['clipboard-read', 'clipboard-write'] };
const folder = mkdtempSync(`${tmpdir()}/code-runner-`);
after(() => rmSync(folder, { recursive: true }));
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());

function tokenFile() {
    writeFileSync(`${folder}/tokens`, TOKEN, { mode: 0o600 });
    return `${folder}/tokens`;
}

test('a link carries the script in its fragment', () => withPage(origin, CLIPBOARD, async (page, context) => {
    await writeScript(page, SCRIPT);
    await page.click('#copy-link');
    await page.getByText('Link copied.').waitFor();
    const link = await clipboard(page);
    assert.match(link, new RegExp(`^${origin}/#[A-Za-z0-9_-]+$`));
    assert.equal(Buffer.from(link.split('#')[1], 'base64url').toString(), SCRIPT);
    const other = await context.newPage();
    await other.goto(link);
    assert.equal(await editorText(other), SCRIPT);
    assert.equal(await other.locator('#status').textContent(), 'Nothing has run yet.');
    await other.goto(`${origin}/#${Buffer.from('x = 1').toString('base64url')}`);
    await other.waitForFunction(() => document.querySelector('.CodeMirror').CodeMirror.getValue() === 'x = 1');
    for (const bad of ['%%%', 'A', '_w']) { // no base64url; no whole byte; no UTF-8
        await other.goto('about:blank');
        await other.goto(`${origin}/#${bad}`);
        await waitForStatus(other, /^The link holds no script\.$/);
        assert.match(await editorText(other), /Hello/);
    }
}));

test('a link that is opened in the same tab: the menu names no example, and the link ends with its script', () => withPage(origin, {}, async (page) => {
    const link = `#${Buffer.from('x = 1\n').toString('base64url')}`;
    const open = () => page.evaluate((fragment) => { location.hash = fragment; }, link);
    const opened = () => page.waitForFunction(() => document.querySelector('.CodeMirror').CodeMirror.getValue() === 'x = 1\n');
    assert.equal(await page.locator('#example').inputValue(), '0');
    await open();
    await opened();
    assert.equal(await page.locator('#example').inputValue(), '');
    await page.click('.CodeMirror-code');
    await page.keyboard.type('y');
    assert.equal(await page.evaluate(() => location.href), `${origin}/`);
    await open();
    await opened();
    await page.selectOption('#example', { label: 'NumPy' });
    await page.getByRole('button', { name: 'Replace', exact: true }).click();
    assert.equal(await page.evaluate(() => location.href), `${origin}/`);
    assert.match(await editorText(page), /numpy/);
    await page.reload();
    assert.equal(await page.locator('#example').inputValue(), '0');
}));

test('the menu does not take away what was written without asking', () => withPage(origin, {}, async (page) => {
    await page.focus('#example');
    await page.keyboard.press('ArrowDown'); // an example as it was
    assert.match(await editorText(page), /numpy/);
    assert(await page.locator('#answers').isHidden());
    await page.click('.CodeMirror-code');
    await page.keyboard.press('Control+End');
    await page.keyboard.type('# mine');
    const mine = await editorText(page);
    await page.focus('#example');
    for (const name of ['Basic', 'NumPy']) {
        await page.keyboard.press('ArrowDown');
        await page.getByRole('status').getByText(`Replace your script by the example “${name}”?`).waitFor();
        assert.equal(await editorText(page), mine);
    }
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await takePicture(page, 'question');
    await page.keyboard.press('Enter'); // keeps
    assert.equal(await editorText(page), mine);
    assert.deepEqual(await page.evaluate(() => [document.activeElement.id, document.activeElement.value]), ['example', '']);
    assert(await page.locator('#answers').isHidden());
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter'); // replaces
    assert.match(await editorText(page), /Hello/);
    assert.deepEqual(await page.evaluate(() => [document.activeElement.id, document.activeElement.value]), ['example', '0']);
}));

test('the command for a shell runs the same script', () => withPage(origin, CLIPBOARD, async (page) => {
    await writeScript(page, SCRIPT);
    await page.click('#copy-curl');
    await page.getByText('Command copied.').waitFor();
    const command = await clipboard(page);
    const answer = JSON.parse(execFileSync('bash', ['-c', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    assert.deepEqual(answer, { result: '\\ end', stdout: 'it\'s $HOME `id` ü \u{1F600}\n' });
}));

test('without a clipboard of its own the page copies all the same', async () => {
    const plain = origin.replace('127.0.0.1', 'plain.example');
    await withPage(plain, {}, async (page) => {
        assert.equal(await page.evaluate(() => navigator.clipboard), undefined);
        await page.click('#copy-curl');
        await page.getByText('Command copied.').waitFor();
        await page.click('.CodeMirror-code');
        await page.keyboard.press('Control+A');
        await page.keyboard.press('Control+V');
        assert.match(await editorText(page), /^curl -X POST http:\/\/plain\.example:\d+\/execute \\\n/);
    });
});

test('a token is asked for, kept in the tab, and in no command', async () => {
    const locked = await startService('--preload=none', '--slots=1', `--token-file=${tokenFile()}`);
    await withPage(locked, CLIPBOARD, async (page, context) => {
        assert(await page.locator('#access').isHidden());
        await page.click('#run');
        await waitForStatus(page, /^This service needs an access token\.$/);
        assert.equal(await page.evaluate(() => document.activeElement.id), 'token');
        await takePicture(page, 'token');
        await page.keyboard.type('wrong');
        await page.keyboard.press('Enter');
        await waitForStatus(page, /^This token is not valid\.$/);
        await page.fill('#token', TOKEN);
        await page.keyboard.press('Control+Enter'); // with the token that stands there
        await waitForStatus(page, /^Finished/);
        assert(await page.locator('#access').isHidden());
        await page.reload();
        await page.click('#run');
        await waitForStatus(page, /^Finished/);
        const kept = await page.evaluate(() => [JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie, location.href]);
        assert.deepEqual(kept.map((place) => place.includes(TOKEN)), [true, false, false, false]);
        await page.click('#copy-curl');
        await page.getByText('Command copied.').waitFor();
        const command = await clipboard(page);
        assert(command.includes('Authorization: Bearer $TOKEN') && !command.includes(TOKEN));
        const other = await context.newPage();
        await other.goto(locked);
        await other.click('#run');
        await waitForStatus(other, /needs an access token/);
    });
});

test('a browser that lets pages keep nothing can run scripts, with a token until the page is left', async () => {
    const locked = await startService('--preload=none', '--slots=1', `--token-file=${tokenFile()}`);
    await withPage(locked, {}, async (page) => {
        await page.addInitScript(() => Object.defineProperty(globalThis, 'sessionStorage', { get() { throw new DOMException('denied', 'SecurityError'); } }));
        await page.reload();
        for (const asked of [true, false, true]) {
            await page.click('#run');
            await waitForStatus(page, asked ? /^This service needs an access token\.$/ : /^Finished/);
            if (asked) {
                await page.fill('#token', TOKEN);
                await page.keyboard.press('Enter');
                await waitForStatus(page, /^Finished/);
            } else {
                await page.reload();
            }
        }
    });
});

test('everything is reached by keyboard and has a name', () => withPage(origin, {}, async (page) => {
    const seen = [];
    for (let steps = 0; steps < 12; steps++) {
        await page.keyboard.press('Tab');
        seen.push(await page.evaluate(() => {
            const element = document.activeElement;
            const shown = element.closest('.CodeMirror') ?? element;
            const { outlineStyle, outlineWidth } = getComputedStyle(shown);
            return element.closest('.CodeMirror') ? `editor ${outlineStyle} ${outlineWidth}` : `${element.id || element.tagName} ${outlineStyle} ${outlineWidth}`;
        }));
        if (seen.at(-1).startsWith('editor')) {
            await page.keyboard.press('Tab'); // indents
            assert.match(await editorText(page), /^ {4}def/);
            await page.keyboard.press('Escape');
        }
        if (seen.at(-1).startsWith('A '))
            break;
    }
    const ring = 'solid 2px';
    assert.deepEqual(seen, ['example', 'run', 'copy-link', 'copy-curl', 'editor', 'paper', 'A'].map((name) => `${name} ${ring}`));
    for (const [role, name] of [['combobox', 'Example'], ['button', 'Run'], ['button', 'Stop'], ['button', 'Copy link'],
        ['button', 'Copy as curl'], ['textbox', 'Python script'], ['region', 'Output'], ['region', 'Script']])
        assert.equal(await page.getByRole(role, { name, exact: true }).count(), 1, `${role} ${name}`);
    assert.equal(await page.locator('#status[role=status], #notice[role=status]').count(), 2);
}));

async function lowestContrast(page) {
    return page.evaluate(() => {
        const numbers = (color) => color.match(/[\d.]+/g).map(Number);
        const light = (color) => numbers(color).slice(0, 3).map((value) => value / 255)
            .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
            .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
        const ground = (element) => {
            const color = getComputedStyle(element).backgroundColor;
            return numbers(color)[3] === 0 && element.parentElement ? ground(element.parentElement) : color;
        };
        const texts = [...document.body.querySelectorAll('*')].filter((element) => !element.matches(':disabled, script, noscript, option') && element.checkVisibility()
            && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
        const found = texts.map((element) => {
            const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
            return [(a + 0.05) / (b + 0.05), `${element.tagName}.${element.className} ${element.textContent.slice(0, 20)}`];
        });
        return found.sort((x, y) => x[0] - y[0])[0];
    });
}

const LOOK = `import sys

def main():  # what each colour looks like
    print("some output", 1.5, len("text"), None)
    print("a warning", file=sys.stderr)
    return {"name": "Alice", "values": [1, 2.5, None, True], "nested": {"a": {"b": 1}}}
`;
const LOOKS = [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['narrow', { colorScheme: 'light', viewport: { width: 360, height: 740 }, hasTouch: true }],
    ['narrow-dark', { colorScheme: 'dark', viewport: { width: 320, height: 640 } }],
];

test('it can be read in light and dark, wide and narrow', async () => {
    const grounds = new Set();
    for (const [name, options] of LOOKS)
        await withPage(origin, options, async (page) => {
            const picture = (what) => takePicture(page, `${name}-${what}`, { fullPage: name.startsWith('narrow') });
            await picture('start');
            for (const [what, script] of [['result', LOOK], ['error', LOOK.replace('"Alice"', '1 / 0')]]) {
                await runScript(page, script);
                if (what === 'error')
                    await page.locator('#traceback .link').first().click();
                await picture(what);
                const [contrast, where] = await lowestContrast(page);
                assert(contrast >= 4.5, `${name} ${what}: contrast ${contrast} of ${where}`);
            }
            grounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
            const { scroll, client } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth }));
            assert(scroll <= client, `${name} scrolls sideways: ${scroll} of ${client}`);
            const box = (id) => page.locator(`#${id}`).boundingBox();
            assert((await box('editor')).height >= 224, `${name}: an editor of a few lines`);
            if (name.startsWith('narrow'))
                assert.equal((await box('copy-link')).x, (await box('run')).x, 'in line');
            else
                assert(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight), 'one screen');
        });
    assert.equal(grounds.size, 2);
});
