"""Widgets of other packages, such as anywidget's, are shown in Colab by a manager that must be asked for."""


class _widgets:
    _installed_url = None


def enable_custom_widget_manager():
    _widgets._installed_url = "https://example.org/manager.js"
