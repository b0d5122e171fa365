// Fill in surveys with survey-core and say what is shown and what is valid.
// In: JSON [{survey, fills: [{question: value, "question-Comment": text}]}]. Out: JSON [{errors, fills: [{shown, invalid}]}].
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "index.js"));
const { Model } = require("survey-core");
console.warn = console.error = console.log = () => {};

function isShown(question) {
  if (!question.isVisible) return false;
  for (let parent = question.parent; parent; parent = parent.parent) if (!parent.isVisible) return false;
  return true;
}

function fill(model, answers) {
  model.clear(true, true);
  const questions = model.getAllQuestions(false, true);
  for (const question of questions) {
    if (!(question.name in answers) || !isShown(question)) continue;
    model.setValue(question.name, answers[question.name]);
    const comment = `${question.name}-Comment`;
    if (comment in answers) model.setComment(question.name, answers[comment]);
  }
  const shown = questions.filter(isShown);
  return {
    shown: shown.map((question) => question.name),
    invalid: shown.filter((question) => question.validate && !question.validate(false)).map((question) => question.name),
  };
}

const made = JSON.parse(readFileSync(0, "utf8")).map(({ survey, fills }) => {
  const model = new Model(survey);
  const errors = (model.jsonErrors || []).map((error) => `${error.type}: ${error.message}`);
  return { errors, fills: fills.map((answers) => fill(model, answers)) };
});
process.stdout.write(JSON.stringify(made));
