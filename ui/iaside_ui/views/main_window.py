"""Menus, pages, the message bar and questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast

from PySide6.QtCore import QByteArray, QSettings, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QMainWindow,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTableView,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from iaside_ui.actions import ACTIONS, plain_text, translated
from iaside_ui.icons import icon
from iaside_ui.menus import MENUS, TOOLBAR, make_actions
from iaside_ui.preferences import ColourScheme
from iaside_ui.state import (
    PAGE_ACTIONS,
    ActionKey,
    AppState,
    Page,
    impossible_because,
    possible_actions,
)
from iaside_ui.views import dialogs
from iaside_ui.views.exportable import Exportable
from iaside_ui.views.gapped import Gapped
from iaside_ui.views.message_bar import MessageBar
from iaside_ui.views.start_page import StartPage
from iaside_ui.views.tables import selected_text, table_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from PySide6.QtCore import QObject
    from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QHideEvent

    from iaside_ui.state import Message
    from iaside_ui.views.comparison_page import ComparisonPage
    from iaside_ui.views.dialogs import Answer, FileKind, Question
    from iaside_ui.views.inspector_page import InspectorPage
    from iaside_ui.views.result_page import ResultPage
    from iaside_ui.views.robustness_page import RobustnessPage
    from iaside_ui.views.run_page import RunPage
    from iaside_ui.views.setup_page import SetupPage

    Actions = Mapping[ActionKey, QAction]

PageT = TypeVar("PageT", bound=QWidget)
GEOMETRY: Final = "window/geometry"
DEFAULT_SHARE: Final = 0.85
"""Of the screen, in each direction, when the window is opened for the first time."""
SCHEME_ACTIONS: Final = {
    ColourScheme.SYSTEM: ActionKey.FOLLOW_SYSTEM,
    ColourScheme.LIGHT: ActionKey.USE_LIGHT,
    ColourScheme.DARK: ActionKey.USE_DARK,
}


class MainWindow(QMainWindow):
    """The window; a controller gives it snapshots to show and hears what the user did.

    The start page is there at once. Any other page is made, and what it needs imported, when it is
    first looked at: :meth:`when_made` is how a controller connects to it.
    """

    pathDropped = Signal(Path)
    closeAsked = Signal(QCloseEvent)  # the controller may ignore the event
    windowHidden = Signal()  # closed, or gone on in the background
    pictureAsked = Signal(QWidget)  # of a plot, by its own menu
    numbersAsked = Signal(QWidget)

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.actions_by_key: dict[ActionKey, QAction] = make_actions(self)
        self._tips = {key: action.toolTip() for key, action in self.actions_by_key.items()}
        self.message_bar = MessageBar(self)
        self._pages: dict[Page, QWidget] = {}
        self._areas: dict[Page, QScrollArea] = {}
        self._waiting: dict[Page, list[Callable[[], None]]] = {}
        self._stack = QStackedWidget(self)
        centre = QWidget(self)
        layout = QVBoxLayout(centre)
        layout.addWidget(self.message_bar)
        layout.addWidget(self._stack, stretch=1)
        self.setCentralWidget(centre)
        self._fill_menus()
        self._fill_toolbar()
        self.show_state(AppState())

    @property
    def page(self) -> Page:
        """The page shown."""
        shown = self._stack.currentWidget()
        return next(page for page, area in self._areas.items() if area is shown)

    @property
    def start_page(self) -> StartPage:
        """Ways in."""
        return self._made(Page.START, StartPage)

    @property
    def setup_page(self) -> SetupPage:
        """The form of an audit."""
        from iaside_ui.views.setup_page import SetupPage  # noqa: PLC0415 - start-up time

        return self._made(Page.SETUP, SetupPage)

    @property
    def run_page(self) -> RunPage:
        """An audit under way, and the queue."""
        from iaside_ui.views.run_page import RunPage  # noqa: PLC0415 - start-up time

        return self._made(Page.RUN, RunPage)

    @property
    def result_page(self) -> ResultPage:
        """The result that is shown."""
        from iaside_ui.views.result_page import ResultPage  # noqa: PLC0415 - start-up time

        return self._made(Page.RESULT, ResultPage)

    @property
    def inspector_page(self) -> InspectorPage:
        """One image and its bands."""
        from iaside_ui.views.inspector_page import InspectorPage  # noqa: PLC0415 - start-up time

        return self._made(Page.INSPECTOR, InspectorPage)

    @property
    def comparison_page(self) -> ComparisonPage:
        """Results side by side."""
        from iaside_ui.views.comparison_page import ComparisonPage  # noqa: PLC0415 - start-up time

        return self._made(Page.COMPARISON, ComparisonPage)

    @property
    def robustness_page(self) -> RobustnessPage:
        """Measured robustness of a model."""
        from iaside_ui.views.robustness_page import RobustnessPage  # noqa: PLC0415 - start-up time

        return self._made(Page.ROBUSTNESS, RobustnessPage)

    def when_made(self, page: Page, connect: Callable[[], None]) -> None:
        """Call `connect` once a page is there: now, or when it is first looked at."""
        if page in self._pages:
            connect()
        else:
            self._waiting.setdefault(page, []).append(connect)

    def connect_actions(self, handler: QObject, keys: Iterable[ActionKey]) -> None:
        """Have actions done by the slots of `handler` that are called as they are."""
        for key in keys:
            self.actions_by_key[key].triggered.connect(getattr(handler, key))

    def make(self, page: Page) -> bool:
        """Make a page that was not looked at yet; say whether it was not there."""
        is_new = page not in self._pages
        self._widget_of(page)
        return is_new

    def show_state(self, state: AppState) -> None:
        """Show the page, and offer what can be done."""
        self._widget_of(state.page)
        self._stack.setCurrentWidget(self._areas[state.page])
        possible, reasons = possible_actions(state), impossible_because(state)
        for key, action in self.actions_by_key.items():
            action.setEnabled(key in possible)
            action.setToolTip(reasons.get(key, self._tips[key]))
        pause = self.actions_by_key[ActionKey.TOGGLE_PAUSE]
        pause.setText(
            self.tr("&Resume")
            if state.is_paused
            else translated(ACTIONS[ActionKey.TOGGLE_PAUSE].text)
        )
        pause.setIconText(plain_text(pause.text()))
        pause.setIcon(icon("resume" if state.is_paused else "pause"))
        self.actions_by_key[PAGE_ACTIONS[state.page]].setChecked(True)
        self._show_title(state)

    def show_result(self, state: AppState) -> None:
        """Show the current one of the open results, where their page is there already."""
        if Page.RESULT in self._pages:
            self.result_page.show_results(state.results, state.current)

    def exported_widget(self) -> QWidget | None:
        """Return the plot or table that the page in view is about."""
        match self.page:
            case Page.RESULT:
                return self.result_page.exported_widget()
            case Page.RUN:
                return self.run_page.plot
            case Page.INSPECTOR:
                return self.inspector_page.plots
            case Page.COMPARISON:
                return self.comparison_page.exported_widget()
            case Page.ROBUSTNESS:
                return self.robustness_page.exported_widget()
            case _:
                return None

    def exported_model(self) -> str:
        """Return the model that the page in view is about; empty for none, or several."""
        match self.page:
            case Page.RESULT:
                return self.result_page.model_name
            case Page.RUN:
                return self.run_page.model_name
            case Page.INSPECTOR:
                return self.inspector_page.model_name
            case Page.ROBUSTNESS:
                return self.robustness_page.model_name
            case _:
                return ""

    def numbers_of(self, widget: QWidget) -> list[Sequence[object]]:
        """Return the numbers behind a plot or in a table, the headings first."""
        if isinstance(widget, Exportable):
            return widget.numbers()
        if isinstance(widget, QTableView):
            return table_rows(widget)
        return []

    def show_message(self, message: Message) -> None:
        """Show a message above the page."""
        self.message_bar.show_message(message)

    def clear_message(self) -> None:
        """Take the message away."""
        self.message_bar.close_message()

    def show_colour_scheme(self, scheme: ColourScheme) -> None:
        """Check the menu entry of the colours in use."""
        self.actions_by_key[SCHEME_ACTIONS[scheme]].setChecked(True)

    def show_shortcuts(self) -> None:
        """Show the shortcut page."""
        dialog = dialogs.ShortcutsDialog(self)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def show_about(self) -> None:
        """Say what this program is."""
        dialogs.show_about(self)

    def choose_path(self, kind: FileKind, name: str = "") -> Path | None:
        """Let the user choose a file or folder; None where they did not."""
        return dialogs.choose_path(self, kind, name)

    def ask(self, question: Question, on_answer: Callable[[Answer], None]) -> None:
        """Ask, and hand the answer on once it is given."""
        dialogs.ask(self, question, on_answer)

    def copy_selection(self) -> None:
        """Copy the selected rows of the table that has the keyboard."""
        view = QApplication.focusWidget()
        if isinstance(view, QAbstractItemView) and (text := selected_text(view)):
            QGuiApplication.clipboard().setText(text)

    def restore_geometry(self) -> None:
        """Stand where the window stood last, or in most of the screen."""
        geometry = QSettings().value(GEOMETRY)
        if not (isinstance(geometry, QByteArray) and self.restoreGeometry(geometry)):
            self.resize(self.screen().availableSize() * DEFAULT_SHARE)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask the controller; remember where the window stood."""
        self.closeAsked.emit(event)
        if event.isAccepted():
            QSettings().setValue(GEOMETRY, self.saveGeometry())

    def hideEvent(self, event: QHideEvent) -> None:
        """Say that the window is gone, unless it is only minimised."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.windowHidden.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Welcome files and folders."""
        if _dropped_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Say what was dropped, one after the other."""
        paths = _dropped_paths(event)
        if paths:
            event.acceptProposedAction()
        for path in paths:
            self.pathDropped.emit(path)

    def _widget_of(self, page: Page) -> QWidget:
        """Return a page, made now if need be: each is a property under its own name."""
        widget: QWidget = getattr(self, f"{page.name.lower()}_page")
        return widget

    def _made(self, page: Page, make: Callable[[Actions, QWidget], PageT]) -> PageT:
        """Return a page; the first time, make it and let controllers connect to it."""
        known = self._pages.get(page)
        if known is not None:
            return cast("PageT", known)
        widget = make(self.actions_by_key, self)
        self._pages[page] = widget
        self._areas[page] = _scrolled(widget)
        self._stack.addWidget(self._areas[page])
        self._hear_plots(widget)
        for connect in self._waiting.pop(page, []):
            connect()
        return widget

    @Slot(QWidget)
    def _hear_plots(self, widget: QWidget) -> None:
        """Hand on what the plots in a widget are asked for, those made later too."""
        for plot in (widget, *widget.findChildren(Exportable)):
            if isinstance(plot, Exportable):
                plot.pictureAsked.connect(self.pictureAsked)
                plot.numbersAsked.connect(self.numbersAsked)
        for gapped in widget.findChildren(Gapped):
            gapped.contentMade.connect(self._hear_plots)

    def _fill_menus(self) -> None:
        for title, keys in MENUS.items():
            menu = self.menuBar().addMenu(translated(title))
            menu.setToolTipsVisible(True)
            for key in keys:
                if key is None:
                    menu.addSeparator()
                else:
                    menu.addAction(self.actions_by_key[key])

    def _fill_toolbar(self) -> None:
        """Make the bar of pages, at the left, reached by Tab as well."""
        bar = QToolBar(self.tr("Pages"), self)
        bar.setObjectName("pages")
        bar.setMovable(False)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, bar)
        for key in TOOLBAR:
            action = self.actions_by_key[key]
            bar.addAction(action)
            button = bar.widgetForAction(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setAccessibleName(translated(ACTIONS[key].text).replace("&", ""))
            policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            button.setSizePolicy(policy)

    def _show_title(self, state: AppState) -> None:
        name = self.tr("I-ASIDE Audit")
        opened = state.opened
        if state.page == Page.RESULT and opened is not None:
            file = opened.path.name if opened.path else self.tr("new result")
            model = Path(opened.result.model.path).name
            name = f"{model}: {file}[*] - {name}"
        self.setWindowTitle(name)
        self.setWindowModified(
            state.page == Page.RESULT and opened is not None and opened.asks_to_be_saved
        )


def _scrolled(page: QWidget) -> QScrollArea:
    """Return a page that can be scrolled where the screen is too small for it."""
    area = QScrollArea()
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidgetResizable(True)
    area.setWidget(page)
    return area


def _dropped_paths(event: QDropEvent) -> list[Path]:
    """Return the files and folders that are dragged; none where one of them is not local."""
    urls = event.mimeData().urls()
    are_local = all(url.isLocalFile() for url in urls)
    return [Path(url.toLocalFile()) for url in urls] if are_local else []
