/* editor: CodeMirror as this page uses it. Its script has made the global CodeMirror before. */

const INDENT = {
    Tab: (editor) => editor.execCommand(editor.somethingSelected() ? 'indentMore' : 'insertSoftTab'),
    'Shift-Tab': 'indentLess',
};
const LEAVE = { Tab: false, 'Shift-Tab': false }; // the browser's own: to the next control

/* The editor in place; onRun() at Ctrl+Enter, onEdit() when a person changed something. */
export function makeEditor(place, { onRun, onEdit }) {
    const editor = globalThis.CodeMirror(place, {
        mode: 'python',
        theme: 'page',
        lineNumbers: true,
        indentUnit: 4,
        inputStyle: 'contenteditable', // what screen readers can follow
        screenReaderLabel: 'Python script',
    });
    editor.getInputField().setAttribute('role', 'textbox');
    editor.getInputField().setAttribute('aria-multiline', 'true');
    let marked = null;
    const keys = (tabs) => editor.setOption('extraKeys', {
        ...tabs,
        'Ctrl-Enter': onRun,
        'Cmd-Enter': onRun,
        Esc: () => keys(LEAVE),
    });
    const unmark = () => {
        if (marked !== null)
            editor.removeLineClass(marked, 'background', 'marked');
        marked = null;
    };
    keys(INDENT);
    editor.on('blur', () => keys(INDENT));
    editor.on('change', (_, change) => {
        unmark();
        if (change.origin !== 'setValue')
            onEdit();
    });
    return {
        get script() {
            return editor.getValue();
        },
        set script(text) {
            editor.setValue(text);
        },
        focus: () => editor.focus(),
        /* Shows a line, counted from 1, or the nearest that there is, and puts the cursor there. */
        goToLine(number) {
            const line = Math.max(1, Math.min(number, editor.lineCount())) - 1;
            unmark();
            marked = editor.addLineClass(line, 'background', 'marked');
            editor.setCursor({ line, ch: 0 });
            editor.scrollIntoView({ line, ch: 0 }, 60);
            editor.focus();
        },
        unmark,
    };
}
