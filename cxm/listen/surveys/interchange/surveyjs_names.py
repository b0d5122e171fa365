"""Names of SurveyJS that need no mapping, and small readings of its loosely typed values."""

from __future__ import annotations

import math
import re
from typing import Any

PIPED = re.compile(r"\{([^{}\n]{1,200})\}")
# Of the special choices: the properties that switch them on, their value, what they are, their text and its default.
SPECIAL = [
    (("showOtherItem", "hasOther"), "other", "other", "otherText", "Other"),
    (("showNoneItem", "hasNone"), "none", "exclusive", "noneText", "None"),
    (("showRefuseItem",), "refused", "exclusive", "refuseText", "Refuse to answer"),
    (("showDontKnowItem",), "dontknow", "exclusive", "dontKnowText", "Don't know"),
]
EXTENSIONS = {
    "image/*": [".jpg", ".jpeg", ".png", ".gif", ".webp", ".heic"],
    "application/pdf": [".pdf"],
    "image/png": [".png"],
    "image/jpeg": [".jpg", ".jpeg"],
    "text/csv": [".csv"],
    "text/plain": [".txt"],
}
# What changes the meaning of a survey, not only its texts.
LOGIC = frozenset({
    "enableIf", "resetValueIf", "setValueIf", "setValueExpression", "defaultValueExpression", "choicesVisibleIf",
    "choicesEnableIf", "rowsVisibleIf", "columnsVisibleIf", "requiredIf", "readOnly", "clearIfInvisible", "bindings",
    "correctAnswer", "minValueExpression", "maxValueExpression", "eachRowUnique", "isUnique", "keyName", "visible",
    "isRequired", "validators", "timeLimit", "timeLimitPerPage", "maxTextLength", "maxCommentLength", "randomize",
    "randomizeCategory", "minErrorText", "maxErrorText",
})  # fmt: skip
# What is only about looks, buttons and how a script behaves.
COSMETIC = frozenset({
    "allowClear", "allowResize", "allowResizeComment", "autoAdvanceAllowComplete", "autoAdvanceEnabled",
    "autoFocusFirstError", "autoFocusFirstQuestion", "autoGrow", "autoGrowComment", "autocomplete", "alternateRows",
    "backgroundImage", "backgroundImageAttachment", "backgroundImageFit", "backgroundOpacity", "checkErrorsMode",
    "closeOnSelect", "colCount", "colSpan", "columnColCount", "columnMinWidth", "commentAreaRows", "completeText",
    "contentMode", "cookieName", "customLabels", "descriptionLocation", "displayMode",
    "displayRateDescriptionsAsExtremeItems", "editText", "errorLocation", "fitToContainer", "gridLayoutColumns",
    "gridLayoutEnabled", "goNextPageAutomatic", "headerView", "height", "imageFit", "imageHeight", "imageWidth",
    "indent", "innerIndent", "inputSize", "itemSize", "itemTitleWidth", "labelFalse", "labelTrue", "layout",
    "loadingHtml", "logoFit", "logoHeight", "logoPosition", "logoWidth", "maxImageHeight", "maxImageWidth", "maxWidth",
    "minImageHeight", "minImageWidth", "minWidth", "navigationButtonsLocation", "navigationDescription",
    "navigationTitle", "pageNextText", "pagePrevText", "previewMode", "previewText", "progressBarInheritWidthFrom",
    "progressBarLocation", "progressBarShowNavigationText", "progressBarShowPageNumbers",
    "progressBarShowPageTitles", "progressBarType", "questionDescriptionLocation", "questionErrorLocation",
    "questionStartIndex", "questionTitleLocation", "questionTitlePattern", "questionTitleWidth", "rateColorMode",
    "rateDescriptionLocation", "renderAs", "requiredErrorText", "requiredMark", "requiredText", "rowTitleWidth", "rows",
    "scaleColorMode", "searchEnabled", "searchMode", "separateSpecialChoices", "showBrandInfo", "showClearButton",
    "showCompletePage", "showCompletedPage", "showHeader", "showLabel", "showLabels", "showNavigationButtons",
    "showNumber", "showPageNumbers", "showPageTitles", "showPreview", "showPreviewBeforeComplete",
    "showQuestionNumbers",
    "showSelectAllItem", "hasSelectAll", "selectAllText", "showTOC", "showTimer", "showTitle",
    "size", "startSurveyText", "startWithNewLine", "state", "storeOthersAsComment", "swapOrder", "textUpdateMode",
    "textWrapEnabled", "timerInfoMode", "timerLocation", "titleLocation", "tocLocation", "tooltipVisibility",
    "useDisplayValuesInDynamicTexts", "useTitleAsLabel", "validateVisitedEmptyFields", "verticalAlign", "width",
    "widthMode", "completedBeforeHtml", "otherErrorText", "otherPlaceholder", "otherPlaceHolder",
    "acceptCarriageReturn",
    "selectToRankAreasLayout", "selectToRankSwapAreas", "labelCount", "allowImagesPreview", "partialSendEnabled",
    "surveyId", "surveyPostId", "surveyShowDataSaving", "commentPlaceholder", "confirmDelete", "sourceType",
})  # fmt: skip


def is_text(value: Any) -> bool:
    return isinstance(value, str | int | float)


def items_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def number_in(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
