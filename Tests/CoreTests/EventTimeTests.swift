import Core
import Testing

@Suite struct EventTimeTests {
    @Test func textIsRFC3339InUTCWithOnlyTheDigitsThatSaySomething() {
        for (microseconds, text): (Int64, String) in [
            (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (1_733_702_400_000_000, "2024-12-09T00:00:00Z"),
            (1_733_702_400_500_000, "2024-12-09T00:00:00.5Z"),
            (1_733_702_400_000_001, "2024-12-09T00:00:00.000001Z"),
            (1_733_702_400_120_300, "2024-12-09T00:00:00.1203Z"),
            (EventTime.earliestAccepted.microseconds, "0001-01-01T00:00:00Z"),
            (EventTime.latestAccepted.microseconds, "9999-12-31T23:59:59.999999Z"),
        ] {
            #expect("\(EventTime(microseconds: microseconds))" == text)
        }
    }

    @Test func calendarDatesAndDayNumbersAreEachOthersInverse() {
        #expect(CalendarDate(year: 1970, month: 1, day: 1).dayNumber == 0)
        #expect(CalendarDate(year: 2000, month: 3, day: 1).dayNumber == 11_017)
        #expect(CalendarDate(dayNumber: -1) == CalendarDate(year: 1969, month: 12, day: 31))
        // Every 17th day of the accepted years, which meets every day of the year.
        var previous = Int32.min
        for number in stride(from: Int32(-719_162), through: 2_932_896, by: 17) {
            let date = CalendarDate(dayNumber: number)
            #expect(date.dayNumber == number)
            #expect((1...12).contains(date.month) && (1...31).contains(date.day))
            #expect(number > previous)
            previous = number
        }
    }

    @Test func leapDaysAreWhereGregoryPutThem() {
        func days(_ year: Int) -> Int32 {
            CalendarDate(year: year + 1, month: 1, day: 1).dayNumber
                - CalendarDate(year: year, month: 1, day: 1).dayNumber
        }
        #expect([1900, 2000, 2023, 2024, 2100].map(days) == [365, 366, 365, 366, 365])
        #expect(CalendarDate(year: 2024, month: 2, day: 29).text == "2024-02-29")
    }

    @Test func divisionRoundsTowardsMinusInfinity() {
        #expect(Int64(-1).flooredDivision(by: 10) == (-1, 9))
        #expect(Int64(-10).flooredDivision(by: 10) == (-1, 0))
        #expect(Int64(19).flooredDivision(by: 10) == (1, 9))
    }
}
