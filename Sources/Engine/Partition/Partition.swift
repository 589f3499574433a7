import Core
import Models

/// Why a row of the due queue is there. Raw values are part of saved state.
enum TimerKind: UInt8 {
    case stage = 0
    case dormant
    case onboarding
    case churned
    case winBack
    case repurchase
    case sessionClose
    case welcome
    case replenish
}

/// A time at which something about a user may fall due. Validated when it is reached.
struct DueEntry: HeapEntry, Equatable {
    var due: Int64
    var slot: UInt32
    var kind: UInt8

    @inline(__always)
    static func precedes(_ a: DueEntry, _ b: DueEntry) -> Bool {
        if a.due != b.due { return a.due < b.due }
        if a.slot != b.slot { return a.slot < b.slot }
        return a.kind < b.kind
    }
}

/// An event that waits until the watermark has passed it.
struct PendingEntry: HeapEntry {
    var time: Int64
    var arrival: UInt64
    var slot: UInt32
    var code: UInt16
    var facts: EventFacts
    var profile: ProfileCode

    @inline(__always)
    static func precedes(_ a: PendingEntry, _ b: PendingEntry) -> Bool {
        a.time != b.time ? a.time < b.time : a.arrival < b.arrival
    }
}

/// A share of the users with everything about them: features, sessions, timers. Shares nothing; the unit
/// of snapshot, recovery and scale-out.
///
/// Two clocks meet here. Counts and sessions take an event as it arrives; stages, timers and triggers
/// are decided in the order of event time once the frontier has passed it. The *frontier* is the first
/// instant not yet closed: the watermark, or just beyond the instant of an `$advance`.
final class Partition {
    let number: Int
    private(set) var settings: EngineSettings
    /// What of the settings every event asks for.
    private(set) var terms: Terms
    private var dayMemory = DayMemory()
    let key: HashKey
    let storeKey: HashKey
    /// Number of the device `mobile`.
    private(set) var mobileDevice: UInt32

    var users: UserTable
    var accounts: Slab<AccountRecord>
    var pool: BlockPool
    var strings: StringTable
    var dedupe: DedupeSet
    var due: DueQueue
    var pending: Heap<PendingEntry>
    /// The purchases among them, with their money.
    var pendingPurchases = Heap<PendingPurchase>()
    var stages: StageHistory
    var backFill = BackFill()
    var segments: SegmentState
    var repurchase = ModelSlot<RepurchaseModel>()
    var tiers = ModelSlot<TiersModel>()
    var lifetimeValue = ModelSlot<LifetimeValueModel>()
    var tierTotals = TierTotals()
    /// Segmentations beside the first, in the order of their first adoption.
    var segmentations: [Segmentation] = []
    var quantities = QuantityRows()
    var churn = OutcomeSlot<ChurnModel>(ChurnFeature.names)
    var highIntent = OutcomeSlot<HighIntentModel>(IntentFeature.names)
    var items = ItemHistory()
    var lines: LineLog
    var recommendations = RecommendationState()
    /// The shard's, not saved here.
    var itemNames: ShardItemNames?
    var anchors: AnchorRows
    var intents: IntentRows
    var analytics = Analytics()
    var followUps: FollowUps
    /// Declared rules, and what deciding between triggers remembers.
    var rules: RuleBook
    var arbiter: Arbiter
    /// Whether anything but the rules themselves decides what is sent.
    private(set) var arbitrates: Bool
    /// By place in `triggers.regions`: the region as `symbol` has it.
    private(set) var regionSymbols: [UInt32] = []
    /// What conditions must not see of the user that is judged, or of all while everybody is.
    var ahead = EventsAhead()
    var aheadOfAll: [UInt32: EventsAhead]?
    /// For asking for a number outside any condition.
    let noCondition = PreparedCondition(ConditionProgram())
    /// Id of the first item of the trigger that is being dressed.
    var offeredItem: String?
    /// Due at one instant and not decided between yet.
    var candidates: [Candidate] = []
    /// Day on which old contacts were last forgotten; not saved, for doing it again changes nothing.
    var contactsDay: Int32 = .min
    /// Delays of the rules that held before, for judging what was decided under them.
    var formerDelays = FormerDelays()

    /// Everything before it is decided.
    var frontier: Int64 = EventTime.distantPast.microseconds
    /// Instant of what is being decided; the frontier once all before it is.
    var decidedThrough: Int64 = EventTime.distantPast.microseconds
    var now: Int64 = EventTime.distantPast.microseconds
    /// Events that have arrived here, in order.
    var arrivals: UInt64 = 0
    /// Last journal record applied.
    var position: UInt64 = 0
    var eventCount: Int64 = 0
    var lateCount: Int64 = 0
    var duplicateCount: Int64 = 0

    // What belongs to the record being applied.
    var triggers = TriggerBatch(names: BuiltInRule.names)
    var clock = RecordClock()
    var scratchSlots = Scratch<Int32>()
    var scratchStrings = Scratch<UInt32>()
    /// Slots whose events are decided with this record.
    var scratchExpected = Scratch<UInt32>()
    var scratchStages: [StageEntry] = []
    /// Whether the purchase that is being applied counts for the grade.
    var countsForGrade = false
    /// Items of the purchase that is being applied or decided.
    var scratchItems: [ItemMark] = []
    var scratchFeatures = [Float](repeating: 0, count: max(ChurnFeature.count, IntentFeature.count))
    /// During a sweep over all users: names of the events that have arrived and are not decided, by user.
    var sweptUndecided: [Int: [UInt16]]?
    /// Open lists that must see users as they were.
    var lists: [PartitionList] = []

    init(number: Int, settings: EngineSettings, key: HashKey, storeKey: HashKey) {
        self.number = number
        self.settings = settings
        terms = Terms(settings)
        self.key = key
        self.storeKey = storeKey
        users = UserTable()
        accounts = Slab()
        pool = BlockPool()
        strings = StringTable(key: key)
        dedupe = DedupeSet(limit: settings.dedupeIDs / Partitioning.count)
        due = DueQueue()
        pending = Heap()
        stages = StageHistory()
        segments = SegmentState()
        lines = LineLog(limit: settings.items.lines)
        anchors = AnchorRows(settings.outcomes)
        intents = IntentRows(settings.outcomes)
        followUps = FollowUps(settings.outcomes)
        rules = RuleBook.make(settings.declared)
        arbiter = Arbiter(settings.declared)
        arbitrates = settings.declared.arbitration.isOn
        mobileDevice = Self.intern("mobile", &strings)
        readyRules()
    }

    /// After rules, strings or segments were replaced.
    func readyRules() {
        arbitrates = settings.declared.arbitration.isOn
        prepareRules()
        regionSymbols = settings.declared.arbitration.regions.map { region in
            Array(region.region.utf8).withUnsafeBytes { strings.intern($0) } + 1
        }
    }

    private static func intern(_ text: StaticString, _ strings: inout StringTable) -> UInt32 {
        strings.intern(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// After the strings were replaced.
    func nameDevices() { mobileDevice = Self.intern("mobile", &strings) }

    /// Bytes of state, all included.
    var byteCount: Int {
        users.byteCount + accounts.byteCount + pool.byteCount + strings.byteCount + dedupe.byteCount
            + due.byteCount + pending.byteCount + pendingPurchases.byteCount + stages.byteCount
            + backFill.byteCount + segmentations.reduce(0) { $0 + $1.byteCount } + anchors.byteCount
            + intents.byteCount + analytics.byteCount + items.byteCount + lines.byteCount
            + quantities.byteCount + followUps.byteCount + rules.byteCount + arbiter.byteCount
    }

    /// The day of now.
    var today: Int32 { day(of: now) }

    /// The calendar day of an instant.
    @inline(__always)
    func day(of instant: Int64) -> Int32 { dayMemory.day(of: instant, settings.zone) }

    func settle(_ changed: EngineSettings) {
        settings = changed
        terms = Terms(changed)
        dayMemory = DayMemory()
        analytics.hour = LocalHour()
    }

    /// Nothing fires or is decided before this instant; `Int64.max` when nothing waits.
    var nextDue: Int64 {
        min(due.nextDue, pending.isEmpty ? .max : pending.first.time, backFillDue, rules.horizon)
    }

    func account(_ slot: Int) -> UnsafeMutablePointer<AccountRecord>? {
        let index = users[slot].pointee.account
        return index == 0 ? nil : accounts[Int(index) - 1]
    }

    func makeAccount(_ slot: Int) -> UnsafeMutablePointer<AccountRecord> {
        let user = users[slot]
        if user.pointee.account == 0 {
            user.pointee.account = UInt32(accounts.append(AccountRecord()) + 1)
        }
        return accounts[Int(user.pointee.account) - 1]
    }
}

/// now within one journal record: it grows from row to row under the event clock and stands still
/// otherwise.
struct RecordClock {
    /// Greatest event time up to and including each row; empty where now stands still.
    var nows: [Int64] = []
    /// now at the end of the record, or all through it.
    var end: Int64 = 0
    var lateness: Int64 = 0

    /// Rows among which the frontier is passing what is being decided.
    var first = 0
    var last = 0

    init(nows: [Int64] = [], end: Int64 = 0, lateness: Int64 = 0) {
        self.nows = nows
        self.end = end
        self.lateness = lateness
        last = nows.count
    }

    /// now at the moment the frontier passed a due time.
    func decided(due: Int64) -> Int64 {
        let row = row(due: due)
        return row < nows.count ? nows[row] : end
    }

    /// The row at which the frontier passed a due time: the first whose watermark is beyond it.
    func row(due: Int64) -> Int {
        var low = first
        var high = last
        while low < high {
            let middle = (low + high) / 2
            if nows[middle] - lateness > due { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
