import Core

/// Makes events of the rows of one file, by its mapping and its line of names.
struct RowInterpreter {
    /// Where a field's text comes from.
    private struct Source {
        /// The field, in the event line.
        var name: String
        /// The first that is not empty counts.
        var columns: [Int]
        var constant: String?
        var table: [String: String?]?
        var bands: Bands?
        var isWhole: Bool
    }

    private let mapping: ImportMapping
    private let columnCount: Int
    private let instant: [Int]
    private let date: [Int]
    private let clock: [Int]
    private let user: Source
    private let name: Source
    private let texts: [Source]
    private let id: Source?
    private let coupon: Source?
    private let discount: Source?
    private let value: Source?
    private let itemID: Source?
    private let itemCategory: Source?
    private let quantity: Source?
    private let price: Source?
    private let amount: Source?
    private let basket: [Int]
    private let refund: (columns: [Int], prefix: String)

    /// - Parameter names: of the columns, in order.
    init(_ mapping: ImportMapping, names: [String]) throws(CommandFailure) {
        let header = Header(names)
        func source(_ field: String) throws(CommandFailure) -> Source? {
            try Self.source(field, mapping, header)
        }
        self.mapping = mapping
        columnCount = names.count
        instant = header.present(mapping.instant)
        date = header.present(mapping.date)
        clock = try header.any(mapping.clock, for: "the time of day")
        basket = try header.any(mapping.basket, for: "basket")
        refund = (try header.any(mapping.refund?.columns ?? [], for: "refund"), mapping.refund?.prefix ?? "")
        if instant.isEmpty, date.isEmpty { throw header.missing("time", mapping.instant + mapping.date) }
        guard let user = try source("user"), let name = try source("name") else {
            throw CommandFailure("the mapping has no user or no name")
        }
        self.user = user
        self.name = name
        var texts: [Source] = []
        for field in ImportMapping.texts + ["discount_unit"] {
            if let found = try source(field) { texts.append(found) }
        }
        self.texts = texts
        id = try source("id")
        coupon = try source("coupon")
        discount = try source("discount")
        value = try source("value")
        itemID = try source("item_id")
        itemCategory = try source("item_category")
        quantity = try source("quantity")
        price = try source("price")
        amount = try source("amount")
    }

    private static func source(
        _ field: String, _ mapping: ImportMapping, _ header: Header
    ) throws(CommandFailure) -> Source? {
        let wanted = mapping.fields[field] ?? []
        let columns =
            mapping.optional.contains(field) ? header.present(wanted) : try header.any(wanted, for: field)
        let constant = mapping.constants[field]
        guard !columns.isEmpty || constant != nil else { return nil }
        return Source(
            name: field, columns: columns, constant: constant, table: mapping.values[field],
            bands: mapping.bands[field], isWhole: mapping.whole.contains(field))
    }

    func event(_ row: borrowing DelimitedRow) throws(RowProblem) -> ImportedEvent {
        guard row.count == columnCount else {
            throw RowProblem("it has \(row.count) fields, not \(columnCount)")
        }
        guard row.isUTF8 else {
            throw RowProblem("it is not valid in the file's encoding")
        }
        let time = try time(row)
        let year = CalendarDate(dayNumber: mapping.zone.day(of: time)).year
        func text(_ source: Source?) throws(RowProblem) -> String? { try self.text(source, row, year: year) }
        func number(_ source: Source?) throws(RowProblem) -> Int64? {
            try self.number(source, row, year: year)
        }

        guard let user = try text(user) else { throw RowProblem("the user is empty") }
        guard user.utf8.count <= 256 else { throw RowProblem("the user has more than 256 bytes") }
        var value = try number(value)
        var name = try text(name)
        if let other = mapping.nameWithoutValue, value ?? 0 == 0 { name = other }
        if isRefund(row) { name = "refund" }
        guard let name else { throw RowProblem("the name of the event is empty") }

        var item = Item(quantity: try number(quantity), price: try number(price), amount: try number(amount))
        if name == "refund" {
            value = value.map { abs($0) }
            item.takeBack()
        }
        if let reason = item.reasonAgainst { throw RowProblem(reason) }
        var event = ImportedEvent(time: time, head: try head(row, user: user, name: name, year: year))
        event.value = value
        if let amount = item.amount, value == nil { (event.value, event.isPart) = (amount, true) }
        if let found = try text(coupon) {
            guard let coupon = ImportedEvent.Coupon(found) else {
                throw RowProblem("coupon is \"\(found)\", not used, not_used or clicked")
            }
            event.coupon = coupon
        }
        if let id = try text(itemID) { event.item = item.element(id: id, category: try text(itemCategory)) }
        event.basket = basketKey(row, user: user, name: name)
        return event
    }

    // MARK: Parts

    private func time(_ row: borrowing DelimitedRow) throws(RowProblem) -> EventTime {
        if let cell = cell(instant, row) {
            if let time = CellText.instant(cell, zone: mapping.zone, order: mapping.dayOrder) { return time }
            throw RowProblem("\"\(shortened(cell))\" is not a time")
        }
        guard let cell = cell(date, row) else { throw RowProblem("the time is empty") }
        let clock = self.cell(clock, row)
        if let time = CellText.local(cell, clock: clock, zone: mapping.zone, order: mapping.dayOrder) {
            return time
        }
        throw RowProblem("\"\(shortened(cell + (clock.map { " \($0)" } ?? "")))\" is not a date")
    }

    private func head(
        _ row: borrowing DelimitedRow, user: String, name: String, year: Int
    ) throws(RowProblem) -> [UInt8] {
        var writer = JSONWriter(capacity: 192)
        writer.key("user_id")
        writer.value(user)
        writer.key("event_name")
        writer.value(name)
        if let id = try text(id, row, year: year) {
            writer.key("event_id")
            writer.value(id)
        }
        for source in texts {
            guard let text = try text(source, row, year: year) else { continue }
            writer.key(source.name)
            writer.value(text)
        }
        if let discount = try number(discount, row, year: year) {
            writer.key("discount")
            writer.value(millionths: discount)
        }
        return writer.bytes
    }

    private func isRefund(_ row: borrowing DelimitedRow) -> Bool {
        refund.columns.contains { row.bytes(of: $0).starts(with: refund.prefix.utf8) }
    }

    /// Purchases and refunds of one user and receipt are baskets of their own.
    private func basketKey(_ row: borrowing DelimitedRow, user: String, name: String) -> [UInt8] {
        guard !basket.isEmpty else { return [] }
        var key: [UInt8] = []
        for column in basket {
            key += row.bytes(of: column)
            key.append(0x1F)
        }
        return key + user.utf8 + [0x1F] + name.utf8
    }

    // MARK: Cells

    private func cell(_ columns: [Int], _ row: borrowing DelimitedRow) -> String? {
        for column in columns {
            let text = row.text(column)
            if !text.isEmpty, mapping.absent.isEmpty || !mapping.absent.contains(text) { return text }
        }
        return nil
    }

    private func text(_ source: Source?, _ row: borrowing DelimitedRow, year: Int) throws(RowProblem)
        -> String?
    {
        guard let source else { return nil }
        guard var text = cell(source.columns, row) else { return source.constant }
        if source.isWhole { text = Self.withoutFraction(text) }
        if let label = try source.bands?.label(of: text, year: year) { return label }
        guard let table = source.table else { return text }
        if let found = table[text] { return found }
        if let other = table["*"] { return other }
        return text
    }

    private func number(
        _ source: Source?, _ row: borrowing DelimitedRow, year: Int
    ) throws(RowProblem) -> Int64? {
        guard let source, let text = try text(source, row, year: year) else { return nil }
        if let number = CellText.millionths(text) { return number }
        throw RowProblem("\(source.name) is \"\(shortened(text))\", which is no number")
    }

    /// `17850.0` is what a spreadsheet makes of 17850 in a column with gaps.
    private static func withoutFraction(_ text: String) -> String {
        guard let point = text.firstIndex(of: "."), point > text.startIndex else { return text }
        let isWhole =
            text[..<point].allSatisfy { $0.isASCII && $0.isNumber }
            && text[text.index(after: point)...].allSatisfy { $0 == "0" }
        return isWhole ? String(text[..<point]) : text
    }

    private func shortened(_ text: String) -> String { Terminal.harmless(String(text.prefix(40))) }
}

/// A file's columns by name.
private struct Header {
    private let names: [String]

    init(_ names: [String]) { self.names = names }

    func present(_ wanted: [String]) -> [Int] { wanted.compactMap { names.firstIndex(of: $0) } }

    /// Those that are there; where some are wanted, one must be.
    func any(_ wanted: [String], for what: String) throws(CommandFailure) -> [Int] {
        let found = present(wanted)
        if found.isEmpty, !wanted.isEmpty { throw missing(what, wanted) }
        return found
    }

    func missing(_ what: String, _ wanted: [String]) -> CommandFailure {
        let columns = wanted.map { "\"\($0)\"" }.joined(separator: " or ")
        let there = Terminal.harmless(names.joined(separator: ", "))
        return CommandFailure("no column \(columns) for \(what); the file has \(there.prefix(300))")
    }
}

/// Numbers of a row's item, in millionths.
private struct Item {
    var quantity: Int64?
    var price: Int64?
    /// Quantity × price, where the file has that instead.
    var amount: Int64?

    /// Tables write what came back with a minus sign.
    mutating func takeBack() {
        quantity = quantity.map { abs($0) }
        price = price.map { abs($0) }
        amount = amount.map { abs($0) }
    }

    var reasonAgainst: String? {
        for (name, number) in [("quantity", quantity), ("price", price), ("amount", amount)] {
            if let number, number < 0 { return "\(name) is negative, and this is no refund" }
        }
        return nil
    }

    func element(id: String, category: String?) -> [UInt8] {
        var writer = JSONWriter(capacity: 96)
        writer.beginObject()
        writer.key("item_id")
        writer.value(id)
        if let category {
            writer.key("item_category")
            writer.value(category)
        }
        if let quantity {
            writer.key("quantity")
            writer.value(millionths: quantity)
        }
        if let price = price ?? unitPrice {
            writer.key("price")
            writer.value(millionths: price)
        }
        writer.endObject()
        return writer.bytes
    }

    /// To the nearest millionth.
    private var unitPrice: Int64? {
        guard let amount else { return nil }
        guard let quantity, quantity > 0 else { return quantity == nil ? amount : nil }
        let price = (Double(amount) / Double(quantity) * 1e6).rounded()
        return abs(price) <= 1e18 ? Int64(price) : nil
    }
}
