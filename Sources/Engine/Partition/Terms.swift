import Core

/// What is asked of the settings at every event, as plain numbers: the settings hold arrays, and to look at
/// those is to copy and count them.
struct Terms: BitwiseCopyable {
    let allowedLateness: Int64
    let shortGap: Int64
    let longGap: Int64
    let keep: Int64
    let dedupeWindow: Int64
    let maxAge: Int64
    let isWall: Bool
    /// As in `EngineSettings`.
    let stageMemory: Int64
    let stageDelays: Int64
    let funnelWindow: Int64
    /// Probabilities, as in `OutcomeSettings`.
    let churnRisk: Double
    let churnClear: Double
    let highIntent: Double
    /// As in `ItemSettings`.
    let itemsPerUser: Int
    let itemsOnTriggers: Int
    /// Reasons are in Korean for who has said no language.
    let saysKorean: Bool
    private let delays: InlineArray<32, Int64>
    private let enabled: UInt32
    /// Rules of which nothing but that is said.
    private let plain: UInt32

    init(_ settings: EngineSettings) {
        allowedLateness = settings.allowedLateness
        shortGap = settings.shortGap
        longGap = settings.longGap
        keep = settings.keep
        dedupeWindow = settings.dedupeWindow
        maxAge = settings.maxAge
        isWall = settings.clockMode == .wall
        saysKorean = ReasonWords.Language(settings.declared.language.lowercased()) == .korean
        stageMemory = settings.stageMemory
        stageDelays = settings.stageDelays
        funnelWindow = settings.funnelWindow
        churnRisk = settings.outcomes.churnRisk
        churnClear = settings.outcomes.churnClear
        highIntent = settings.outcomes.highIntent
        itemsPerUser = settings.items.perUser
        itemsOnTriggers = settings.items.onTriggers
        var delays = InlineArray<32, Int64>(repeating: 0)
        var enabled: UInt32 = 0
        for rule in BuiltInRule.allCases {
            delays[Int(rule.rawValue)] = settings.delay(rule)
            if settings.isEnabled(rule) { enabled |= 1 << UInt32(rule.rawValue) }
        }
        self.delays = delays
        self.enabled = enabled
        var plain: UInt32 = settings.declared.arbitration.isOn ? 0 : .max
        for declared in settings.declared.declared where !declared.isPlain {
            for rule in BuiltInRule.allCases where rule.text == declared.name {
                plain &= ~(1 << UInt32(rule.rawValue))
            }
        }
        self.plain = plain
    }

    @inline(__always)
    func delay(_ rule: BuiltInRule) -> Int64 { delays[Int(rule.rawValue)] }

    @inline(__always)
    func isEnabled(_ rule: BuiltInRule) -> Bool { enabled & (1 << UInt32(rule.rawValue)) != 0 }

    /// Whether nothing but its delay decides about the rule: no condition, cap, holdout or words.
    @inline(__always)
    func isPlain(_ rule: BuiltInRule) -> Bool { plain & (1 << UInt32(rule.rawValue)) != 0 }
}

/// Calendar days of instants, which come mostly from one stretch of time in which the zone keeps its offset.
struct DayMemory: BitwiseCopyable {
    private var start = Int64.max
    private var end = Int64.min
    private var offset: Int64 = 0
    private static let microseconds: Int64 = 86_400_000_000

    /// As `Zone.day(of:)`.
    @inline(__always)
    mutating func day(of instant: Int64, _ zone: borrowing Zone) -> Int32 {
        if instant < start || instant >= end { look(instant, zone) }
        return Int32(
            truncatingIfNeeded: (instant &+ offset).flooredDivision(by: Self.microseconds).quotient)
    }

    @inline(never)
    private mutating func look(_ instant: Int64, _ zone: borrowing Zone) {
        (start, end, offset) = zone.stretch(of: instant)
    }
}
