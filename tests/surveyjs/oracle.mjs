// Fill in surveys with survey-core and say what is shown and what is valid.
// In: JSON [{survey, fills: [{question: value, "question-Comment": text}]}]. Out: JSON [{errors, fills: [{shown, invalid}]}].
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "index.js"));
const { Model, settings } = require("survey-core");
console.warn = console.error = console.log = () => {};
settings.readOnly = settings.readOnly || {};

function shown(model) {
  return model.getAllQuestions(false, true).filter((question) => {
    if (!question.isVisible) return false;
    for (let parent = question.parent; parent; parent = parent.parent) if (!parent.isVisible) return false;
    return true;
  });
}

function fill(survey, answers) {
  const model = new Model(survey);
  for (let round = 0; round < 2; round++) {
    for (const question of model.getAllQuestions(false, true)) {
      if (!(question.name in answers) || !shown(model).includes(question)) continue;
      model.setValue(question.name, structuredClone(answers[question.name]));
      const comment = `${question.name}-Comment`;
      if (comment in answers) model.setComment(question.name, answers[comment]);
    }
  }
  const visible = shown(model);
  return {
    shown: visible.map((question) => question.name),
    invalid: visible.filter((question) => !question.validate(false)).map((question) => question.name),
  };
}

const made = JSON.parse(readFileSync(0, "utf8")).map(({ survey, fills }) => {
  const model = new Model(survey);
  const errors = (model.jsonErrors || []).map((error) => `${error.type}: ${error.message}`);
  return { errors, fills: fills.map((answers) => fill(survey, answers)) };
});
process.stdout.write(JSON.stringify(made));
