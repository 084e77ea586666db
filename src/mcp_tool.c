/* mcp_tool: a text with gaps. What it says of a field must be what request.c and inputs.c do. */
#include "mcp_tool.h"

#include <inttypes.h>

#include "mcp.h"

int mcp_tool_write(struct buf *buf, const struct mcp_settings *settings) {
    const struct request_limits *limits = &settings->limits;
    double timeout_s = (double)limits->timeout_us / 1000000;
    uint64_t memory_mb = limits->memory_bytes >> 20, least_mb = limits->least_memory_bytes >> 20;
    return buf_printf(
        buf,
        "{\"name\": \"" MCP_TOOL_NAME "\", \"title\": \"Run a Python script\", \"description\": "
        "\"Runs a Python 3.11 script in a new sandbox, which is destroyed afterwards: no network, "
        "no state between calls. The script must define main(); what main returns must be JSON "
        "and comes back with what was printed, and matplotlib figures as images. numpy, pandas, "
        "scipy, scikit-learn, matplotlib and seaborn are there. Limits: %.10g seconds, %" PRIu64
        " MB of memory, %zu bytes of source, %zu MB of output.\", "
        "\"inputSchema\": {\"type\": \"object\", \"properties\": {"
        "\"script\": {\"type\": \"string\", \"minLength\": 1, \"description\": "
        "\"Python source that defines main(), for example: def main():\\n    return 42\"}, "
        "\"args\": {\"type\": [\"object\", \"array\"], \"description\": "
        "\"Arguments of main: an object of keywords, or an array of positions\"}, "
        "\"stdin\": {\"type\": \"string\", \"description\": \"Standard input of the script\"}, "
        "\"files\": {\"type\": \"object\", \"maxProperties\": %u, \"additionalProperties\": "
        "{\"type\": \"string\", \"contentEncoding\": \"base64\"}, \"description\": "
        "\"Files for the working directory: names, and what is in them in base64\"}, "
        "\"return_files\": {\"type\": \"array\", \"items\": {\"type\": \"string\", \"minLength\": "
        "1}, \"maxItems\": "
        "%u, \"description\": \"Patterns of files to send back, such as *.csv\"}, "
        "\"timeout_seconds\": {\"type\": \"number\", \"exclusiveMinimum\": 0, \"maximum\": %.10g}, "
        "\"memory_mb\": {\"type\": \"number\", \"minimum\": %" PRIu64 ", \"maximum\": %" PRIu64
        "}}, "
        "\"required\": [\"script\"]}, "
        "\"outputSchema\": {\"type\": \"object\", \"properties\": {"
        "\"result\": {\"description\": \"What main returned\"}, "
        "\"stdout\": {\"type\": \"string\"}, \"stderr\": {\"type\": \"string\"}, "
        "\"files\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"object\", "
        "\"properties\": {\"data\": {\"type\": \"string\", \"contentEncoding\": \"base64\"}, "
        "\"size\": {\"type\": \"integer\"}}, \"required\": [\"data\", \"size\"]}}}, "
        "\"required\": [\"result\", \"stdout\"]}, "
        "\"annotations\": {\"readOnlyHint\": true, \"openWorldHint\": false}}",
        timeout_s, memory_mb, limits->script_bytes, settings->output_bytes >> 20, INPUT_FILES_MOST,
        INPUT_PATTERNS_MOST, timeout_s, least_mb, memory_mb);
}
