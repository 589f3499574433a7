import Core

/// Day and hour of the week on the zone's wall, of the instant that was asked for last: events come nearly in order.
struct LocalHour: BitwiseCopyable {
    private var start = Int64.max
    private var end = Int64.min
    /// Days since 1970-01-01.
    private(set) var day: Int32 = 0
    /// 0 is Monday from midnight to one.
    private(set) var hourOfWeek = 0

    static let hours = 168

    @inline(__always)
    mutating func move(to instant: Int64, _ zone: borrowing Zone) {
        if instant >= start, instant < end { return }
        look(instant, zone)
    }

    @inline(never)
    private mutating func look(_ instant: Int64, _ zone: borrowing Zone) {
        let stretch = zone.stretch(of: instant)
        let (whole, rest) = (instant &+ stretch.offset).flooredDivision(by: Microseconds.day)
        let (hour, beyond) = rest.quotientAndRemainder(dividingBy: Microseconds.hour)
        day = Int32(truncatingIfNeeded: whole)
        hourOfWeek = Self.weekday(day) * 24 + Int(hour)
        start = max(stretch.start, instant - beyond)
        end = min(stretch.end, instant - beyond + Microseconds.hour)
    }

    /// 0 is Monday.
    static func weekday(_ day: Int32) -> Int {
        let rest = (Int(day) + 3) % 7
        return rest < 0 ? rest + 7 : rest
    }
}

/// Months as numbers: 0 is January 1970.
enum MonthNumber {
    static func of(_ day: Int32) -> Int {
        let date = CalendarDate(dayNumber: day)
        return (date.year - 1970) * 12 + date.month - 1
    }

    /// The first day of a month.
    static func firstDay(of month: Int) -> Int32 {
        let (year, rest) = Int64(month).flooredDivision(by: 12)
        return CalendarDate(year: 1970 + Int(year), month: Int(rest) + 1, day: 1).dayNumber
    }

    /// The instant at which a month begins, and the one before it ends, microseconds.
    static func start(of month: Int, _ zone: borrowing Zone) -> Int64 {
        zone.start(of: firstDay(of: month)).microseconds
    }
}

/// Months of days, the last asked for being remembered by their lowest bits.
struct MonthMemory: BitwiseCopyable {
    private var days = InlineArray<4, Int32>(repeating: .min)
    private var numbers = InlineArray<4, Int32>(repeating: 0)

    /// As `MonthNumber.of`.
    @inline(__always)
    mutating func number(of day: Int32) -> Int {
        let place = Int(day & 3)
        if days[place] == day { return Int(numbers[place]) }
        return look(day, place)
    }

    @inline(never)
    private mutating func look(_ day: Int32, _ place: Int) -> Int {
        let number = MonthNumber.of(day)
        days[place] = day
        numbers[place] = Int32(truncatingIfNeeded: number)
        return number
    }
}
