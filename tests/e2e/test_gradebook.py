"""The gradebook page in a browser, while a legacy tool sends outcomes: it changes by itself."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from e2e.legacy_tool import outcome, send
from e2e.served import Served, Student

pytestmark = [pytest.mark.browser, pytest.mark.engine]

COLUMNS = ("Student", "Score", "Graded by", "State", "Attempts", "Submitted", "Work", "Result", "Grade by hand")


REFRESH_MILLISECONDS = 2000


class Row:
    """The one student's row of a course's page. Where the page's clock is the test's, its turn comes at once."""

    def __init__(self, page: Page, *, hurries: bool = True) -> None:
        self.page = page
        self._hurries = hurries

    def shows(self, **cells: str) -> None:
        """Wait until the cells of these columns show these texts."""
        if self._hurries:
            self.page.clock.run_for(REFRESH_MILLISECONDS)
        for name, text in cells.items():
            column = next(each for each in COLUMNS if each.lower().replace(" ", "_") == name)
            cell = self.page.locator("tbody tr td").nth(COLUMNS.index(column))
            expect(cell).to_contain_text(text, timeout=6000)


@pytest.fixture
def row(page: Page, student: Student) -> Iterator[Row]:
    """Open the student's page; at the end it must be the same page still, not one that was loaded again."""
    page.clock.install()
    page.goto(student.gradebook_url)
    page.evaluate("window.openedOnce = true")
    yield Row(page)
    assert page.evaluate("window.openedOnce"), "the page was loaded again"


def test_a_score_appears_by_itself(served: Served, student: Student, page: Page) -> None:
    page.goto(student.gradebook_url)
    row = Row(page, hurries=False)
    row.shows(score="–", graded_by="–", state="nothing yet", attempts="–", work="–")
    page.evaluate("window.openedOnce = true")
    send(served, student, 0.92)
    row.shows(score="9.2", graded_by="tool", state="graded", attempts="1", work="tool", result="0.92 / 1")
    assert page.evaluate("window.openedOnce"), "the page was loaded again"


def test_a_second_score_is_no_second_attempt(served: Served, student: Student, row: Row) -> None:
    send(served, student, 0.92)
    row.shows(score="9.2", attempts="1")
    send(served, student, 0.5)
    row.shows(score="5", attempts="1")


def test_work_appears_with_its_type_and_content_and_each_is_an_attempt(
    served: Served, student: Student, row: Row
) -> None:
    send(served, student, 0.5, {"text": "My essay, näively & <b>boldly</b> 🎓"})
    row.shows(work="My essay, näively & <b>boldly</b> 🎓", attempts="1")
    row.shows(work="text")
    send(served, student, 0.6, {"url": "https://tool.example.org/essays/17"})
    row.shows(work="https://tool.example.org/essays/17", attempts="2", score="6")
    row.shows(work="link")


def test_work_that_needs_review_is_marked_until_it_is_graded(served: Served, student: Student, row: Row) -> None:
    send(served, student, 0.6, None, "needsAdditionalReview")
    row.shows(state="needs review", score="6")
    send(served, student, 0.7)
    row.shows(state="graded", score="7")


def test_a_deleted_score_disappears(served: Served, student: Student, row: Row) -> None:
    send(served, student, 0.6)
    row.shows(score="6")
    assert outcome(served, student).post_delete_result().is_success()
    row.shows(score="–", graded_by="–", state="needs grading")


def test_a_teachers_grade_is_typed_in_the_page_and_stays_before_a_prioritized_score(
    served: Served, student: Student, page: Page
) -> None:
    page.clock.install()
    page.goto(student.gradebook_url)
    send(served, student, 0.6)
    row = Row(page)
    row.shows(score="6", graded_by="tool")
    page.get_by_role("textbox").fill("8.5")
    page.get_by_role("button", name="Save").click()
    row.shows(score="8.5", graded_by="teacher")
    request = outcome(served, student, "prioritizeNonToolGrade")
    refused = request.post_replace_result(0.9)
    assert not refused.is_success()
    row.shows(score="8.5", graded_by="teacher")
    read = outcome(served, student).post_read_result()
    assert read.score == "0.85"


def test_an_emptied_grade_is_cleared(served: Served, student: Student, page: Page) -> None:
    send(served, student, 0.6)
    page.clock.install()
    page.goto(student.gradebook_url)
    page.get_by_role("textbox").fill("")
    page.get_by_role("button", name="Save").click()
    Row(page).shows(score="–")
    assert served.state(student)["score"] is None


def test_a_score_that_comes_while_a_teacher_types_does_not_disturb(
    served: Served, student: Student, page: Page
) -> None:
    page.clock.install()
    page.goto(student.gradebook_url)
    box = page.get_by_role("textbox")
    box.fill("7")
    send(served, student, 0.6)
    page.clock.run_for(2 * REFRESH_MILLISECONDS)
    page.wait_for_load_state("networkidle")
    expect(box).to_be_focused()
    expect(box).to_have_value("7")
    page.get_by_role("button", name="Save").click()
    Row(page).shows(score="7", graded_by="teacher")


def faults_in_force(page: Page) -> Locator:
    return page.get_by_role("list", name="Faults in force").get_by_role("listitem")


@pytest.fixture
def calm(served: Served) -> Iterator[None]:
    """End every fault after the test: the stack is everybody's."""
    yield
    served.control("switch", faults=[], down=False)


@pytest.mark.usefixtures("calm")
def test_a_fault_is_switched_on_the_page_shows_its_turns_and_is_cleared(
    served: Served, student: Student, page: Page
) -> None:
    page.clock.install()
    page.goto(student.gradebook_url)
    page.get_by_label("Error 500: how often").fill("40")
    page.get_by_role("button", name="Error 500").click()
    expect(faults_in_force(page)).to_have_text(re.compile(r"status 500, all calls, course \d+, 40 more"))
    page.evaluate("window.openedOnce = true")
    outcome(served, student).post_replace_result(0.6)
    row = Row(page)
    row.shows(score="–", state="nothing yet")
    expect(faults_in_force(page)).not_to_have_text(re.compile("40 more"))
    assert page.evaluate("window.openedOnce"), "the page was loaded again"
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_label("Faults", exact=True)).to_contain_text("none in force")
    assert served.control("switch")["faults"] == []


@pytest.mark.usefixtures("calm")
def test_a_stored_score_whose_answer_was_dropped_is_in_the_gradebook(
    served: Served, student: Student, page: Page
) -> None:
    page.clock.install()
    page.goto(student.gradebook_url)
    # Without a count: whichever call came first would use up a single turn.
    page.get_by_role("button", name="Drop after storing").click()
    expect(faults_in_force(page)).to_have_count(1)
    outcome(served, student).post_replace_result(0.6)
    Row(page).shows(score="6", graded_by="tool", attempts="1")


@pytest.mark.usefixtures("calm")
def test_canvas_goes_down_and_comes_up_without_a_script(served: Served, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served.document["gradebook_url"])
    page.get_by_role("button", name="Down").click()
    expect(faults_in_force(page)).to_have_text("Canvas is down: every call is refused")
    assert served.control("switch")["down"] is True
    page.get_by_role("button", name="Up again").click()
    expect(page.get_by_role("button", name="Down")).to_be_visible()
    assert served.control("switch")["down"] is False
    context.close()


ATTACKS = [
    "<script>document.title = 'taken'; window.taken = true</script>",
    '<img src=x onerror="window.taken = true">',
    "</td></tr></table><h1>taken</h1>",
    "\"><svg onload='window.taken = true'>",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_what_a_tool_sends_is_text_on_the_page_and_does_nothing(
    served: Served, student: Student, row: Row, text: str
) -> None:
    send(served, student, 0.5, {"text": text})
    row.shows(work=text)
    row.page.reload()
    row.page.evaluate("window.openedOnce = true")
    row.shows(work=text)
    assert row.page.title() == "Gradebook"
    assert row.page.evaluate("window.taken === undefined && document.querySelectorAll('tbody td').length") == 9


def test_a_tools_link_is_no_script(served: Served, student: Student, row: Row) -> None:
    send(served, student, 0.5, {"url": "javascript:alert(1)"})
    row.shows(score="5")
    assert row.page.locator("a[href^='javascript']").count() == 0


def test_the_page_of_all_courses_shows_every_student_and_fits_the_window(
    served: Served, student: Student, page: Page, tmp_path: Path
) -> None:
    send(served, student, 0.123456789, {"text": "x" * 300})
    page.goto(served.document["gradebook_url"])
    expect(page.locator("section").filter(has_text="0.12")).not_to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("[...document.querySelectorAll('.scroll')].every(box => box.scrollWidth <= box.clientWidth)")
    assert Decimal(str(served.state(student)["score"])) == Decimal("1.23456789")
