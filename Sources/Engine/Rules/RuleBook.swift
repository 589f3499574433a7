import Core

/// The declared rules of a partition and what they know: which occasions they wait for, timers, states. What
/// the rules are follows from the settings; the rest is state.
final class RuleBook {
    /// Numbers of the configuration's own rules begin here.
    static let firstOwn: UInt16 = 64

    private(set) var rules: [CompiledRule] = []
    /// Names of all rules that ever were, by number less `firstOwn`: a name keeps its number.
    private(set) var names: [String]
    /// The declaration laid over a built-in rule, by raw value.
    private var overlays = [CompiledRule?](repeating: nil, count: 32)

    /// What is asked at every event, as plain numbers.
    struct Listener {
        var code: UInt32
        /// Place in `rules`.
        var rule: Int
        /// Ends the wait of an absence; else begins it, or is the occasion.
        var ends: Bool
    }
    private(set) var listeners: [Listener] = []
    private(set) var movers: [CompiledRule] = []
    private(set) var predicted: [CompiledRule] = []
    private(set) var crossings: [CompiledRule] = []
    /// Rules that look at everybody at an hour of the day, and when next.
    private(set) var dailies: [(rule: CompiledRule, at: Int64, weekdays: UInt8)] = []
    var dailyNext: [Int64] = []

    /// Names of events that rules ask about and that have not come yet, as bytes.
    private(set) var unknownNames: [(name: [UInt8], text: String)] = []
    private var codes: [String: UInt16] = [:]

    /// Texts that segments are compared with: a segment's symbol is its place here + 1.
    private(set) var segmentTexts: [String] = []
    /// Symbol by id of segment.
    var segmentSymbols: [UInt32] = []
    /// The same of the segmentations beside the first, in the partition's order of them.
    var memberSymbols: [[UInt32]] = []
    /// Segmentations beside the first that conditions and templates name.
    private(set) var memberNames: [String] = []
    /// Place of each of them in that order; −1: none of its name is in use.
    var memberPlaces: [Int] = []

    var states = RuleStates()
    private var timers = Heap<RuleTimer>()
    /// Nothing of the rules is due before it.
    private(set) var horizon = Int64.max

    init(_ settings: RuleSettings, names: [String] = []) throws(StateError) {
        self.names = names
        for code in settings.codes { codes[code.name] = code.code }
        for declaration in settings.declared {
            let builtIn = BuiltInRule.allCases.first { $0.text == declaration.name }
            let rule = try CompiledRule(
                declaration, number: builtIn.map { UInt16($0.rawValue) } ?? number(of: declaration.name),
                settings.arbitration)
            rules.append(rule)
            if let builtIn {
                overlays[Int(builtIn.rawValue)] = rule
            } else if declaration.enabled {
                listen(rule)
            }
        }
        nameEvents()
    }

    /// Of settings that were checked as they were read.
    static func make(_ settings: RuleSettings, names: [String] = []) -> RuleBook {
        do { return try RuleBook(settings, names: names) } catch {
            preconditionFailure("rules that were not checked: \(error)")
        }
    }

    private func number(of name: String) -> UInt16 {
        if let known = names.firstIndex(of: name) { return Self.firstOwn + UInt16(known) }
        names.append(name)
        return Self.firstOwn + UInt16(names.count - 1)
    }

    private func listen(_ rule: CompiledRule) {
        let place = rules.count - 1
        switch rule.declaration.occasion {
        case .event: listeners.append(Listener(code: .max, rule: place, ends: false))
        case .absence:
            listeners.append(Listener(code: .max, rule: place, ends: true))
            listeners.append(Listener(code: .max, rule: place, ends: false))
        case .segmentMoved, .tierChanged: movers.append(rule)
        case .predicted: predicted.append(rule)
        case .crossed(_, _, _, _, let daily):
            crossings.append(rule)
            if let daily { dailies.append((rule, daily, 0x7F)) }
        case .daily(let at, let weekdays): dailies.append((rule, at, weekdays))
        case nil: break
        }
        dailyNext = [Int64](repeating: .max, count: dailies.count)
    }

    /// What a rule is called.
    func name(_ number: UInt16) -> String {
        if number < Self.firstOwn { return BuiltInRule(rawValue: UInt8(number))?.text ?? "" }
        let place = Int(number - Self.firstOwn)
        return place < names.count ? names[place] : ""
    }

    func rule(_ number: UInt16) -> CompiledRule? { rules.first { $0.number == number } }

    func overlay(_ rule: BuiltInRule) -> CompiledRule? { overlays[Int(rule.rawValue)] }

    /// Whether something is looked at when a session closes.
    var watchesSessions: Bool { !crossings.isEmpty }

    var byteCount: Int { states.byteCount + timers.byteCount }

    // MARK: Names of events

    private func eventName(_ listener: Listener) -> String {
        switch rules[listener.rule].declaration.occasion {
        case .event(let name): name
        case .absence(let of, let after): listener.ends ? of : after
        default: ""
        }
    }

    private func code(of name: String) -> UInt32 {
        if let known = EventNames.known.firstIndex(of: name) { return UInt32(known) }
        if let code = codes[name] { return UInt32(code) }
        if !unknownNames.contains(where: { $0.text == name }) {
            unknownNames.append((Array(name.utf8), name))
        }
        return PreparedCondition.noCode
    }

    /// Gives every name its number, as far as it is known.
    private func nameEvents() {
        unknownNames = []
        for index in listeners.indices { listeners[index].code = code(of: eventName(listeners[index])) }
        for rule in rules {
            for condition in rule.conditions {
                for (place, name) in condition.program.names.enumerated() where name.field == .event {
                    condition.names[place] = code(of: name.name)
                }
            }
        }
    }

    /// A name has come that rules wait for.
    func learn(_ name: String, _ code: UInt16) {
        codes[name] = code
        nameEvents()
    }

    func note(segmentText text: String) -> UInt32 {
        if let place = segmentTexts.firstIndex(of: text) { return UInt32(place + 1) }
        segmentTexts.append(text)
        return UInt32(segmentTexts.count)
    }

    func note(segmentation name: String) -> UInt32 {
        if let place = memberNames.firstIndex(of: name) { return UInt32(place) }
        memberNames.append(name)
        return UInt32(memberNames.count - 1)
    }

    // MARK: Timers

    func push(_ timer: RuleTimer) {
        timers.push(timer)
        horizon = min(horizon, timer.due)
    }

    /// Every timer, in no order of meaning.
    var waiting: UnsafeBufferPointer<RuleTimer> { timers.entries }

    /// The first timer at an instant, taken out.
    func pop(at instant: Int64) -> RuleTimer? {
        guard !timers.isEmpty, timers.first.due <= instant else { return nil }
        return timers.pop()
    }

    func settleHorizon() {
        horizon = min(timers.isEmpty ? .max : timers.first.due, dailyNext.min() ?? .max)
    }

    // MARK: Change and erasure

    /// Takes over what an earlier book knew, as far as the rules are still there.
    func inherit(_ old: RuleBook) {
        let numbers = Set(rules.map(\.number))
        let waiting = Set(
            rules.filter { rule in
                old.rule(rule.number)?.declaration.occasion == rule.declaration.occasion
                    && rule.declaration.enabled && rule.builtIn == nil
            }.map(\.number))
        states = old.states
        states.keep { $0.rule < Self.firstOwn || numbers.contains($0.rule) }
        for timer in old.timers.entries where timer.held != 0 || waiting.contains(UInt16(timer.rule)) {
            timers.push(timer)
        }
        for (index, daily) in dailies.enumerated() {
            let same = old.dailies.firstIndex {
                $0.rule.number == daily.rule.number && $0.at == daily.at && $0.weekdays == daily.weekdays
            }
            if let same { dailyNext[index] = old.dailyNext[same] }
        }
        for (name, code) in old.codes where codes[name] == nil { codes[name] = code }
        nameEvents()
        settleHorizon()
    }

    func erase(_ slots: Set<UInt32>) {
        states.keep { !slots.contains($0.slot) }
        timers.remove { slots.contains($0.slot) }
        settleHorizon()
    }

    // MARK: Saved

    func write(to out: inout ByteWriter) {
        out.put(UInt64(names.count))
        for name in names { out.put(name) }
        let learnt = codes.sorted { $0.key < $1.key }
        out.put(UInt64(learnt.count))
        for (name, code) in learnt {
            out.put(name)
            out.put(code)
        }
        states.write(to: &out)
        timers.write(to: &out)
        out.put(UInt64(dailyNext.count))
        for instant in dailyNext { out.put(instant) }
    }

    convenience init(from input: inout ByteReader, _ settings: RuleSettings, users: Int) throws(StateError) {
        var names: [String] = []
        for _ in 0..<(try input.count(of: 8)) { names.append(try input.getText()) }
        try self.init(settings, names: names)
        for _ in 0..<(try input.count(of: 10)) {
            let name = try input.getText()
            codes[name] = try input.get(UInt16.self)
        }
        states = try RuleStates(from: &input)
        timers = try Heap<RuleTimer>(from: &input)
        let count = try input.count(of: 8)
        guard count == dailies.count else {
            throw StateError("\(count) daily rules, where there are \(dailies.count)")
        }
        for index in 0..<count {
            dailyNext[index] = try input.get()
            guard dailyNext[index] >= .max - 1 || EventTime.isPossible(dailyNext[index]) else {
                throw StateError("a daily rule is due at a time that cannot be")
            }
        }
        for timer in timers.entries where Int(timer.slot) >= users || !EventTime.isPossible(timer.due) {
            throw StateError("a rule's timer of user \(timer.slot), where there are \(users)")
        }
        nameEvents()
        settleHorizon()
    }
}
