"""The widget: surveys on other people's pages and in their apps, by the script /survey.js or by the same JSON.

`config` says where and to whom a survey shows, `visitors` who is there, `offers` what may be shown to them now. What is
asked and what was answered is the runtime's and `respond`'s: the widget only shows it.
"""
