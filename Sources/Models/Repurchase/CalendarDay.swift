/// A day number (days since 1970-01-01) as the calendar has it.
struct CalendarDay {
    /// 0 for Monday.
    let weekday: Int
    /// 1 … 12.
    let month: Int
    /// 1 … 31.
    let day: Int

    /// After Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, and 400 of
    /// them have 146,097 days.
    init(_ number: Int32) {
        let number = Int(number)
        // The first of January 1970 was a Thursday.
        weekday = ((number + 3) % 7 + 7) % 7
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    }
}
