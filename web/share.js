/* share: a script as the fragment of a link, and as a command for a shell. The fragment of a URL is not sent to any server. */

const CHUNK = 8192; // arguments of one call

export function scriptToFragment(script) {
    const bytes = new TextEncoder().encode(script);
    let binary = '';
    for (let at = 0; at < bytes.length; at += CHUNK)
        binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
    return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/* null if it holds no script. */
export function fragmentToScript(fragment) {
    if (!/^[A-Za-z0-9_-]+$/.test(fragment))
        return null;
    try {
        const binary = atob(fragment.replaceAll('-', '+').replaceAll('_', '/'));
        return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(binary, (byte) => byte.charCodeAt(0)));
    } catch {
        return null;
    }
}

/* A token is never in it: what is copied gets around. */
export function curlCommand(origin, script, needsToken) {
    const quoted = JSON.stringify({ script }).replaceAll("'", "'\\''");
    const access = needsToken ? '  -H "Authorization: Bearer $TOKEN" \\\n' : '';
    return `curl -X POST ${origin}/execute \\\n  -H "Content-Type: application/json" \\\n${access}  -d '${quoted}'\n`;
}

/* Browsers have a clipboard for pages from https: or localhost only; elsewhere a selection is copied. */
export async function copyText(text) {
    if (navigator.clipboard) {
        await navigator.clipboard.writeText(text);
        return;
    }
    const area = document.createElement('textarea'), focused = document.activeElement;
    area.className = 'offscreen';
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    focused?.focus();
    if (!done)
        throw new Error('the browser does not allow it');
}
