// Is the service's description OpenAPI 3.1? Its URL is the argument.
import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";

const document = await (await fetch(process.argv[2])).json();
const validator = new Validator();
const found = await validator.validate(document);
assert.ok(found.valid, JSON.stringify(found.errors, null, 1));
assert.equal(validator.version, "3.1");
delete document.info.title;
assert.ok(!(await new Validator().validate(document)).valid, "it finds nothing wrong with anything");
console.log("openapi: valid");
